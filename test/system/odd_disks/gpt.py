"""A disk with one GPT partition that holds the image: gpt.py IMAGE DISK [damaged]. Damaged: only the table at the end is good."""
import struct
import sys
import uuid
import zlib

FIRST, ROOM, LINUX = 2048, 2048, uuid.UUID("0FC63DAF-8483-4772-8E79-3D69D8477DE4")
image = open(sys.argv[1], "rb").read()
last = FIRST + len(image) // 512 - 1
total = last + 1 + ROOM
entries = bytearray(128 * 128)
entries[0:56] = LINUX.bytes_le + uuid.UUID(int=1).bytes_le + struct.pack("<QQQ", FIRST, last, 0)


def header(own, other, table):
    h = bytearray(struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, own, other, 34, total - 34,
                              uuid.UUID(int=2).bytes_le, table, 128, 128, zlib.crc32(entries)))
    struct.pack_into("<I", h, 16, zlib.crc32(h))
    return h


with open(sys.argv[2], "wb") as f:
    f.truncate(total * 512)
    f.seek(446)
    f.write(struct.pack("<BBBBBBBBII", 0, 0, 2, 0, 0xEE, 255, 255, 255, 1, total - 1) + bytes(48) + b"\x55\xaa")
    first = header(1, total - 1, 2)
    f.write(b"\xff" * 512 if "damaged" in sys.argv else first)
    f.seek(1024)
    f.write(entries)
    f.seek(FIRST * 512)
    f.write(image)
    f.seek((total - 33) * 512)
    f.write(entries + header(total - 1, 1, total - 33))
