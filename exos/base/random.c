/*
 * random.c: a generator of the session: ChaCha20 (RFC 8439, 2.3) in counter mode with fast key erasure: the first half block of every
 * refill becomes the next key. Seeded from RDRAND where the CPU has it, the TSC and the wall clock; reseeded now and then.
 */
#include "aegis/info.h"
#include "base/base.h"
#include "base/clock.h"
#include "base/lock.h"

#define KEY_WORDS 8
#define BLOCK_WORDS 16
#define RESEED_BLOCKS 1024

static struct {
    struct lock lock;
    bool seeded;
    uint32_t key[KEY_WORDS];
    uint8_t out[(BLOCK_WORDS - KEY_WORDS) * 4];
    uint32_t left;              /* bytes of out not handed over */
    uint32_t blocks;
} rng = { .lock = LOCK_INIT(LOCK_RANK_SCHED - 3) };

static inline uint32_t
rotl(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static inline void
quarter(uint32_t *x, int a, int b, int c, int d)
{
    x[a] += x[b]; x[d] = rotl(x[d] ^ x[a], 16);
    x[c] += x[d]; x[b] = rotl(x[b] ^ x[c], 12);
    x[a] += x[b]; x[d] = rotl(x[d] ^ x[a], 8);
    x[c] += x[d]; x[b] = rotl(x[b] ^ x[c], 7);
}

static void
chacha_block(const uint32_t key[KEY_WORDS], uint32_t out[BLOCK_WORDS])
{
    uint32_t in[BLOCK_WORDS] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };

    memcpy(in + 4, key, KEY_WORDS * 4);
    memcpy(out, in, sizeof(in));
    for (int i = 0; i < 10; i++) {
        quarter(out, 0, 4, 8, 12);
        quarter(out, 1, 5, 9, 13);
        quarter(out, 2, 6, 10, 14);
        quarter(out, 3, 7, 11, 15);
        quarter(out, 0, 5, 10, 15);
        quarter(out, 1, 6, 11, 12);
        quarter(out, 2, 7, 8, 13);
        quarter(out, 3, 4, 9, 14);
    }
    for (int i = 0; i < BLOCK_WORDS; i++)
        out[i] += in[i];
}

static bool
cpu_has_rdrand(void)
{
    uint32_t a = 1, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return (c >> 30 & 1) != 0;
}

static uint64_t
rdrand(void)
{
    uint64_t v = 0;
    bool ok = false;

    for (int i = 0; i < 8 && !ok; i++)
        __asm__ volatile("rdrand %0" : "=r"(v), "=@ccc"(ok));
    return v;
}

static void
rng_stir(void)
{
    bool hardware = cpu_has_rdrand();

    for (int i = 0; i < KEY_WORDS; i += 2) {
        uint64_t v = tsc_read() * 0x9e3779b97f4a7c15ull ^ (hardware ? rdrand() : AEG_INFO->wall_ns);

        rng.key[i] ^= (uint32_t)v;
        rng.key[i + 1] ^= (uint32_t)(v >> 32);
    }
    rng.seeded = true;
    rng.blocks = 0;
}

static void
rng_refill(void)
{
    uint32_t block[BLOCK_WORDS];

    if (!rng.seeded || rng.blocks++ == RESEED_BLOCKS)
        rng_stir();
    chacha_block(rng.key, block);
    memcpy(rng.key, block, sizeof(rng.key));
    memcpy(rng.out, block + KEY_WORDS, sizeof(rng.out));
    rng.left = sizeof(rng.out);
}

void
random_fill(void *buf, size_t n)
{
    uint8_t *p = buf;

    lock_acquire(&rng.lock);
    while (n > 0) {
        size_t part;

        if (rng.left == 0)
            rng_refill();
        part = MIN(n, rng.left);
        memcpy(p, rng.out + sizeof(rng.out) - rng.left, part);
        memset(rng.out + sizeof(rng.out) - rng.left, 0, part);
        rng.left -= (uint32_t)part;
        p += part;
        n -= part;
    }
    lock_release(&rng.lock);
}

uint64_t
random_u64(void)
{
    uint64_t v;

    random_fill(&v, sizeof(v));
    return v;
}
