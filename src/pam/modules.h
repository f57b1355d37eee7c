/* modules.h - the shared objects of PAM modules stay mapped until the process ends.
 *
 * pam_end(3) unmaps them one by one. Ours is called where the process is about to go anyway, in the child before exec
 * and in the parent before exit, so that is work for nothing: about a twelfth of a short run. It is also where modules
 * that left a thread, an atexit(3) handler or a destructor behind crash. */
#pragma once

/* Pin what is loaded now, dlopen(3) RTLD_NODELETE: call it when libpam has loaded the modules. Cannot fail in a way
 * that matters. */
void modules_pin(void);
