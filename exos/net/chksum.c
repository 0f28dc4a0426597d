/*
 * chksum.c: the Internet checksum (RFC 1071), eight bytes at a time with the carry kept in the processor.
 *
 * A sum over 64-bit words with end-around carry is congruent, mod 2^16 - 1, to the sum over 16-bit words.
 */
#include "base/base.h"

#include "lwip/arch.h"

static inline uint64_t
add_carry(uint64_t sum, uint64_t v)
{
    sum += v;
    return sum + (sum < v);
}

static inline uint64_t
load(const void *p)
{
    uint64_t v;

    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

/* 32 bytes a turn: one add, three adc, and the last carry folded in. */
static inline uint64_t
sum_block(uint64_t sum, const uint8_t *p)
{
    __asm__("addq 0(%1), %0\n\tadcq 8(%1), %0\n\tadcq 16(%1), %0\n\tadcq 24(%1), %0\n\tadcq $0, %0"
            : "+r"(sum) : "r"(p), "m"(*(const uint8_t (*)[32])p) : "cc");
    return sum;
}

static uint16_t
fold(uint64_t sum)
{
    sum = (sum >> 32) + (sum & 0xffffffffu);
    sum = (sum >> 32) + (sum & 0xffffffffu);
    sum = (sum >> 16) + (sum & 0xffffu);
    sum = (sum >> 16) + (sum & 0xffffu);
    return (uint16_t)sum;
}

uint16_t
net_chksum(const void *data, int len)
{
    const uint8_t *p = data;
    uint64_t sum = 0, tail = 0;

    for (; len >= 32; len -= 32, p += 32)
        sum = sum_block(sum, p);
    for (; len >= 8; len -= 8, p += 8)
        sum = add_carry(sum, load(p));
    for (int i = 0; i < len; i++)
        tail |= (uint64_t)p[i] << (8 * i);
    return fold(add_carry(sum, tail));
}
