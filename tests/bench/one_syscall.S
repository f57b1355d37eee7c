/* The smallest command there is, exit_group(0): what is measured with it is the launcher. */
    .globl _start
_start:
#if defined(__x86_64__)
    mov $231, %eax
    xor %edi, %edi
    syscall
#elif defined(__aarch64__)
    mov x8, #94
    mov x0, #0
    svc #0
#else
#error "exit_group(0) for this processor is missing"
#endif
    .section .note.GNU-stack,"",%progbits
