/*
 * user.c: copy_in and copy_out: the range is the user's, then user.asm.
 */
#include "arch/x86_64/arch.h"

bool user_copy_in(void *dst, uint64_t src, size_t n);
bool user_copy_out(uint64_t dst, const void *src, size_t n);

static bool
in_user_half(struct uaddr a, size_t n)
{
    return n <= AEG_USER_TOP && a.v <= AEG_USER_TOP - n;
}

bool
copy_in(void *dst, struct uaddr src, size_t n)
{
    return in_user_half(src, n) && user_copy_in(dst, src.v, n);
}

bool
copy_out(struct uaddr dst, const void *src, size_t n)
{
    return in_user_half(dst, n) && user_copy_out(dst.v, src, n);
}
