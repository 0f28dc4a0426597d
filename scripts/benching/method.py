"""What the report says about how it was made. docs/bench.md says more."""

METHOD = [
    "Both systems run in the same QEMU machine (q35, 1 processor, 256 MiB, TCG, virtio disk and network, the same root disk). The program "
    "is one C source: linked with ExOS, and one static Linux binary that runs unmodified on ExOS and on Linux.",
    "Instructions are guest instructions per operation, kernel and user together, read from the time-stamp counter under "
    "-icount shift=0,sleep=off, where one tick is one instruction; the loop around the operations is taken off. They are deterministic, and "
    "they are not time: they do not see TLB flushes, CR3 writes or the price of an exception.",
    "Where a row does input or output, instructions are counted by a QEMU plugin from outside, between two marks that the program "
    "executes, with idle time excluded.",
    "Times are wall-clock, from boots without counting that alternate between the systems; a time ratio is the median of the ratios of "
    "neighbouring runs, with its range. Emulated time is not hardware's: a win in time is claimed only beyond a factor of two.",
    "Linux is Debian's 6.12 cloud kernel. Its tuned column is set against us: mitigations, zeroing of new pages, stack "
    "randomisation, hardened copies, security modules, auditing and random addresses of kernel and programs are off, huge pages are given when asked for. Its "
    "other column is as Debian ships it. Both processors lack ERMS, which would count a cleared page as 4096 instructions on Linux.",
    "Applications are Debian's, unmodified, from one disk image; each runs once unmeasured, and the checksum of its result must be the same on "
    "both sides. Files of the disk rows are read cold; a write ends with fsync. HTTP is wrk on the host, ten connections for times and "
    "one for instructions, against our httpd (linked) and nginx (both systems), after the answer has been compared with the file.",
    "Files of the micro suite are in tmpfs on both sides, or in ext4's page cache where a row says so; caches are warm: a quarter of a "
    "run goes first and is not counted. What an operation returns is checked on every side; a wrong answer is a failure, not a figure.",
]
