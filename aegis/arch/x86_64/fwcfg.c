/*
 * fwcfg.c: files that QEMU passes by `-fw_cfg` (QEMU docs/specs/fw_cfg), through its two ports.
 */
#include "arch/x86_64/loader.h"

#define PORT_SELECT 0x510
#define PORT_DATA 0x511
#define ITEM_SIGNATURE 0x00
#define ITEM_DIRECTORY 0x19
#define FILES_MAX 512
#define NAME_BYTES 56

static uint32_t
read_be(unsigned bytes)
{
    uint32_t v = 0;

    while (bytes-- > 0)
        v = v << 8 | inb(PORT_DATA);
    return v;
}

static bool
present(void)
{
    outw(PORT_SELECT, ITEM_SIGNATURE);
    return read_be(4) == 0x51454d55;    /* "QEMU" */
}

/* The file's selector and size, from the directory: count, then size, selector, padding, name of each. */
static bool
find(const char *file, uint16_t *selector, uint32_t *size)
{
    uint32_t count;

    outw(PORT_SELECT, ITEM_DIRECTORY);
    count = read_be(4);
    for (uint32_t i = 0; i < MIN(count, FILES_MAX); i++) {
        char name[NAME_BYTES];

        *size = read_be(4);
        *selector = (uint16_t)read_be(2);
        (void)read_be(2);
        for (unsigned n = 0; n < NAME_BYTES; n++)
            name[n] = (char)inb(PORT_DATA);
        if (strncmp(name, file, NAME_BYTES) == 0)
            return true;
    }
    return false;
}

size_t
fwcfg_read(const char *file, char *buf, size_t size)
{
    uint16_t selector;
    uint32_t bytes, done = 0;

    buf[0] = 0;
    if (!present() || !find(file, &selector, &bytes))
        return 0;
    outw(PORT_SELECT, selector);
    for (; done < bytes && done + 1 < size; done++) {
        char c = (char)inb(PORT_DATA);

        buf[done] = c == '\n' ? ' ' : c;
    }
    buf[done] = 0;
    return done;
}
