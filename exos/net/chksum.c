/*
 * chksum.c: the Internet checksum (RFC 1071), eight bytes at a time with the carry kept in the processor.
 *
 * A sum over 64-bit words with end-around carry is congruent, mod 2^16 - 1, to the sum over 16-bit words.
 */
#include "base/base.h"

#include "lwip/arch.h"

#define BLOCK 128                   /* bytes a turn */
#define WORDS 32

#define ADC4(a, b, c, d) "adcq " #a "(%1), %0\n\tadcq " #b "(%1), %0\n\tadcq " #c "(%1), %0\n\tadcq " #d "(%1), %0\n\t"

static inline uint64_t
sum_block(uint64_t sum, const uint8_t *p)
{
    __asm__("clc\n\t" ADC4(0, 8, 16, 24) ADC4(32, 40, 48, 56) ADC4(64, 72, 80, 88) ADC4(96, 104, 112, 120) "adcq $0, %0"
            : "+r"(sum) : "r"(p), "m"(*(const uint8_t (*)[BLOCK])p) : "cc");
    return sum;
}

static inline uint64_t
sum_words(uint64_t sum, const uint8_t *p)
{
    __asm__("clc\n\t" ADC4(0, 8, 16, 24) "adcq $0, %0" : "+r"(sum) : "r"(p), "m"(*(const uint8_t (*)[WORDS])p) : "cc");
    return sum;
}

static inline uint64_t
sum_add(uint64_t sum, uint64_t v)
{
    __asm__("addq %1, %0\n\tadcq $0, %0" : "+r"(sum) : "r"(v) : "cc");
    return sum;
}

/* The last bytes, fewer than eight, as the low ones of a word. */
static inline uint64_t
load_tail(const uint8_t *p, int len)
{
    uint64_t v = 0;
    uint32_t four;
    uint16_t two;

    if (len & 1)
        v = p[len - 1];
    if (len & 2) {
        __builtin_memcpy(&two, p + (len & 4), sizeof(two));
        v = v << 16 | two;
    }
    if (len & 4) {
        __builtin_memcpy(&four, p, sizeof(four));
        v = v << 32 | four;
    }
    return v;
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
    uint64_t sum = 0, word;

    for (; len >= BLOCK; len -= BLOCK, p += BLOCK)
        sum = sum_block(sum, p);
    for (; len >= WORDS; len -= WORDS, p += WORDS)
        sum = sum_words(sum, p);
    for (; len >= 8; len -= 8, p += 8) {
        __builtin_memcpy(&word, p, sizeof(word));
        sum = sum_add(sum, word);
    }
    return fold(sum_add(sum, load_tail(p, len)));
}
