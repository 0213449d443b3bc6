# A whole enclave in the shape that the Intel SGX SDK gives its own. The untrusted loader enters here: TCS.OENTRY is the
# address of enclave_entry. RAX = CSSA, RCX = where EEXIT shall go. The answer, in RSI, is the size of the heap that
# Enclave.config.xml asks for: signing wrote it into g_global_data, so it is measured.
# Intel SDM Vol. 3D, EENTER and EEXIT leaf functions. No stack is used: RSP is still the host's.

        .set    EEXIT, 4

        .text
        .globl  enclave_entry
        .type   enclave_entry, @function
enclave_entry:
        cld                             # the direction flag is the host's too
        xorl    %esi, %esi              # nothing for a caller who comes back after an exception
        testq   %rax, %rax
        jnz     leave
        movq    heap_size(%rip), %rsi
leave:
        movq    %rcx, %rbx              # EEXIT: RBX = target
        xorl    %ecx, %ecx
        movl    $EEXIT, %eax
        enclu
        ud2
        .size   enclave_entry, . - enclave_entry

# global_data_t of SDK 2.25 and later: signing replaces all of it. What stands here is the version of the SDK.
        .data
        .balign 16
        .globl  g_global_data
        .type   g_global_data, @object
g_global_data:
        .quad   2 << 32 | 26 << 16 | 100
        .zero   16
heap_size:
        .quad   0
        .zero   1768 - 32
        .size   g_global_data, 1768

# Room for what signing adds. It is not loaded, so it is not measured.
        .section .note.sgxmeta, "", @progbits
        .long   13, 0x6000, 1
        .asciz  "sgx_metadata"
        .zero   0x6000

        .section .note.GNU-stack, "", @progbits
