/* keymap.h: scan codes of a PS/2 keyboard (set 1) to the bytes that a terminal sends. Pure code. */
#ifndef AEGIS_ARCH_KEYMAP_H
#define AEGIS_ARCH_KEYMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYMAP_BYTES 8          /* longest answer */

struct keymap {
    bool extended;              /* the last byte was 0xe0 */
    uint8_t skip;               /* bytes of a pause sequence to come */
    bool shift_left, shift_right, ctrl_left, ctrl_right, alt, caps;
};

/* Takes one byte from the keyboard; gives how many bytes it means, in out[]. */
size_t keymap_translate(struct keymap *k, uint8_t code, char out[KEYMAP_BYTES]);

#endif
