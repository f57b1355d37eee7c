/* The smallest command there is: exit_group(0). What is measured with it is the launcher. */
    .globl _start
_start:
    mov $231, %eax
    xor %edi, %edi
    syscall
    .section .note.GNU-stack,"",@progbits
