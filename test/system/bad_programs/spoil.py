"""Spoiled copies of a static ELF program, each with one thing wrong or a few random bytes: spoil.py PROGRAM DIRECTORY."""
import os
import random
import struct
import sys

RANDOM_FILES = 60
PHOFF, PHSIZE = 64, 56
FIELD = {"type": (0, "<I"), "flags": (4, "<I"), "offset": (8, "<Q"), "va": (16, "<Q"), "filesz": (32, "<Q"), "memsz": (40, "<Q")}

good = open(sys.argv[1], "rb").read()
out = sys.argv[2]
count = struct.unpack_from("<H", good, 56)[0]


def save(name, data):
    path = os.path.join(out, name)
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, 0o755)


def patched(at, form, value, data=good):
    b = bytearray(data)
    struct.pack_into(form, b, at, value)
    return bytes(b)


def segment(i, field, value, data=good):
    at, form = FIELD[field]
    return patched(PHOFF + PHSIZE * i + at, form, value, data)


def with_interpreter(path):
    name = path.encode() + b"\0"
    data = segment(count - 1, "type", 3)
    data = segment(count - 1, "offset", len(good), data)
    return segment(count - 1, "filesz", len(name), data) + name


for n in (1, 4, 63, 64, PHOFF + PHSIZE * count - 1, 1000, 4096, len(good) // 2):
    save(f"cut_{n}", good[:n])
for n, v in enumerate((0, 0x7D7FC0000000, 0x7D8000000000, 0x8000000000000000, 0xFFFFFFFF80000000)):
    save(f"entry_{n}", patched(24, "<Q", v))
for n, v in enumerate((0, 1 << 40, 2**64 - 8, len(good) - 10)):
    save(f"phoff_{n}", patched(32, "<Q", v))
for n in (0, 100, 65535):
    save(f"phnum_{n}", patched(56, "<H", n))
for i in range(count):
    for n, v in enumerate((0, 0x1000, 0x7CFFFFFFF000, 0x7D8000000000, 0x7E0000000000, 0xFFFFFFFF80000000, 2**64 - 4096)):
        save(f"va_{i}_{n}", segment(i, "va", v))
    for n, v in enumerate((1 << 30, 60 << 40, 1 << 62, 2**64 - 1)):
        save(f"memsz_{i}_{n}", segment(i, "memsz", v))
        save(f"filesz_{i}_{n}", segment(i, "filesz", v))
        save(f"offset_{i}_{n}", segment(i, "offset", v))
    save(f"both_{i}", segment(i, "va", struct.unpack_from("<Q", good, PHOFF + 16)[0]))
save("loader_missing", with_interpreter("/no/such/loader"))
save("loader_itself", with_interpreter("/root/spoiled/loader_itself"))
save("loader_spoiled", with_interpreter("/root/spoiled/cut_64"))
save("script_loop", b"#!/root/spoiled/script_loop\n")
save("script_long", b"#!/" + b"a" * 5000 + b"\n")
random.seed(1)
for i in range(RANDOM_FILES):
    b = bytearray(good)
    for _ in range(random.randint(1, 6)):
        b[random.randrange(PHOFF + PHSIZE * count)] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
    save(f"random_{i}", bytes(b))
