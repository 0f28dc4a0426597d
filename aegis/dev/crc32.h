/* crc32.h: the checksum of partition and slot tables. See crc32.c. */
#ifndef AEGIS_DEV_CRC32_H
#define AEGIS_DEV_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Adds n bytes to a running sum that starts as ~0u; the sum of the whole is its complement. */
uint32_t crc32_add(uint32_t crc, const void *bytes, size_t n);

#endif
