/* arch/cc.h: the compiler and the environment, for lwIP: gcc or clang, x86-64, no C library. */
#ifndef EXOS_ARCH_CC_H
#define EXOS_ARCH_CC_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

typedef long ssize_t;
#ifndef SSIZE_MAX
#define SSIZE_MAX LONG_MAX
#endif

#define LWIP_NO_INTTYPES_H 1
#define LWIP_NO_UNISTD_H 1
#define LWIP_NO_CTYPE_H 1
#define X8_F  "02x"
#define U16_F "u"
#define S16_F "d"
#define X16_F "x"
#define U32_F "u"
#define S32_F "d"
#define X32_F "x"
#define SZT_F "zu"

#define LWIP_DONT_PROVIDE_BYTEORDER_FUNCTIONS 1     /* lwip_htons and friends only: htons is the C library's name */
#define lwip_htons(x) ((u16_t)__builtin_bswap16((u16_t)(x)))
#define lwip_htonl(x) ((u32_t)__builtin_bswap32((u32_t)(x)))
#define BYTE_ORDER LITTLE_ENDIAN
#ifndef LITTLE_ENDIAN
#define LITTLE_ENDIAN 1234
#endif

#define PACK_STRUCT_STRUCT __attribute__((packed))

/* A failed assertion in lwIP is a library bug; its debug output is never compiled in. */
_Noreturn void net_port_assert(const char *file, int line, const char *message);
#define LWIP_PLATFORM_DIAG(x) ((void)0)
#define LWIP_PLATFORM_ASSERT(x) net_port_assert(__FILE__, __LINE__, (x))

uint32_t net_port_rand(void);
#define LWIP_RAND() net_port_rand()

/* net/slab.c, by way of lwIP's mem.c. */
void *net_mem_alloc(size_t size);
void *net_mem_calloc(size_t count, size_t size);
void net_mem_free(void *p);

/* net/chksum.c: the ones' complement sum of len bytes, folded, not inverted, as if the first byte had an even address. */
uint16_t net_chksum(const void *data, int len);

#endif
