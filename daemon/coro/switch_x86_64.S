/*
 * switch_swap(void **save, void *load) and switch_begin for x86-64, System V.
 *
 * Both stacks hold the same frame at the swap, so the unwind information stays
 * true across it. The frame, from the stack pointer up: mxcsr and x87 control
 * word, r15, r14, r13, r12, rbx, rbp, return address (switch.c writes the first).
 *
 * It ends in a jump, not a return: the processor's return predictor would guess
 * the other stack's caller and be wrong each time. For the same reason a shadow
 * stack cannot follow, so the note below claims branch tracking (IBT) only, and
 * the linker then leaves shadow stacks off for the whole program.
 */
#if defined(__x86_64__) && defined(__LP64__) && !defined(CORO_UCONTEXT)
	.text
	.p2align 4
	.globl	switch_swap
	.hidden	switch_swap
	.type	switch_swap, @function
switch_swap:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)

	movq	%rsp, (%rdi)
	movq	%rsi, %rsp

	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rcx
	notrack jmp *%rcx
	.cfi_endproc
	.size	switch_swap, . - switch_swap

	/* The bottom of a coroutine's stack: r12 = entry, r13 = its argument. Unwinding ends here. */
	.p2align 4
	.globl	switch_begin
	.hidden	switch_begin
	.type	switch_begin, @function
switch_begin:
	.cfi_startproc
	.cfi_undefined %rip
	endbr64
	movq	%r13, %rdi
	callq	*%r12
	ud2
	.cfi_endproc
	.size	switch_begin, . - switch_begin

	.section .note.gnu.property, "a", @note
	.p2align 3
	.long	4			/* length of the name */
	.long	16			/* length of the properties */
	.long	5			/* NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000002		/* GNU_PROPERTY_X86_FEATURE_1_AND */
	.long	4
	.long	1			/* IBT */
	.long	0
#endif
	.section .note.GNU-stack, "", %progbits
