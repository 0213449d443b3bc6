# EENTER comes here. RAX = CSSA, RCX = where EEXIT shall go, RDI = struct request,
# and every other register is the host's, the stack pointer included.
# Intel SDM Vol. 3D, EENTER and EEXIT leaf functions.

        .set    EEXIT, 4
        .set    BUSY, 2

        .section .text.entry, "ax"
        .globl  enclave_entry
        .type   enclave_entry, @function
enclave_entry:
        cld                             # the direction flag is the host's too
        testq   %rax, %rax              # CSSA > 0: entered again after an exception
        jnz     refuse
        movq    %rsp, host_rsp(%rip)
        movq    %rbp, host_rbp(%rip)
        movq    %rcx, host_return(%rip)
        leaq    stack_top(%rip), %rsp
        xorl    %ebp, %ebp
        call    serve
        movl    %eax, %esi              # the status
        movq    host_rsp(%rip), %rsp
        movq    host_rbp(%rip), %rbp
        movq    host_return(%rip), %rcx
leave:
        movq    %rcx, %rbx              # EEXIT: RBX = target
        xorl    %ecx, %ecx              # nothing of the enclave's may stay in a register
        xorl    %edx, %edx
        xorl    %edi, %edi
        xorl    %r8d, %r8d
        xorl    %r9d, %r9d
        xorl    %r10d, %r10d
        xorl    %r11d, %r11d
        movl    $EEXIT, %eax
        enclu
        ud2
refuse:
        movl    $BUSY, %esi
        jmp     leave
        .size   enclave_entry, . - enclave_entry

        .bss
        .balign 16
stack:  .skip   8192
stack_top:
host_rsp:
        .skip   8
host_rbp:
        .skip   8
host_return:
        .skip   8

        .section .note.GNU-stack, "", @progbits
