/* strace_names.c: names of the numbers in Linux calls (Linux include/uapi). */
#include "abi/strace_names.h"

#define END { 0, NULL }

const struct strace_name strace_open[] = {
    { 04010000, "O_SYNC" }, { 020200000, "O_TMPFILE" }, { 0100, "O_CREAT" }, { 0200, "O_EXCL" }, { 0400, "O_NOCTTY" },
    { 01000, "O_TRUNC" }, { 02000, "O_APPEND" }, { 04000, "O_NONBLOCK" }, { 010000, "O_DSYNC" }, { 020000, "O_ASYNC" },
    { 040000, "O_DIRECT" }, { 0100000, "O_LARGEFILE" }, { 0200000, "O_DIRECTORY" }, { 0400000, "O_NOFOLLOW" }, { 01000000, "O_NOATIME" },
    { 02000000, "O_CLOEXEC" }, { 010000000, "O_PATH" }, END,
};

const struct strace_name strace_prot[] = {
    { 0, "PROT_NONE" }, { 1, "PROT_READ" }, { 2, "PROT_WRITE" }, { 4, "PROT_EXEC" }, END,
};

const struct strace_name strace_map[] = {
    { 1, "MAP_SHARED" }, { 2, "MAP_PRIVATE" }, { 0x10, "MAP_FIXED" }, { 0x20, "MAP_ANONYMOUS" }, { 0x100, "MAP_GROWSDOWN" },
    { 0x800, "MAP_DENYWRITE" }, { 0x1000, "MAP_EXECUTABLE" }, { 0x2000, "MAP_LOCKED" }, { 0x4000, "MAP_NORESERVE" },
    { 0x8000, "MAP_POPULATE" }, { 0x10000, "MAP_NONBLOCK" }, { 0x20000, "MAP_STACK" }, { 0x40000, "MAP_HUGETLB" },
    { 0x100000, "MAP_FIXED_NOREPLACE" }, END,
};

const struct strace_name strace_clone[] = {
    { 0x100, "CLONE_VM" }, { 0x200, "CLONE_FS" }, { 0x400, "CLONE_FILES" }, { 0x800, "CLONE_SIGHAND" }, { 0x1000, "CLONE_PIDFD" },
    { 0x4000, "CLONE_VFORK" }, { 0x8000, "CLONE_PARENT" }, { 0x10000, "CLONE_THREAD" }, { 0x40000, "CLONE_SYSVSEM" },
    { 0x80000, "CLONE_SETTLS" }, { 0x100000, "CLONE_PARENT_SETTID" }, { 0x200000, "CLONE_CHILD_CLEARTID" },
    { 0x1000000, "CLONE_CHILD_SETTID" }, END,
};

const struct strace_name strace_type[] = {
    { 5, "SOCK_SEQPACKET" }, { 3, "SOCK_RAW" }, { 1, "SOCK_STREAM" }, { 2, "SOCK_DGRAM" }, { 04000, "SOCK_NONBLOCK" },
    { 02000000, "SOCK_CLOEXEC" }, END,
};

const struct strace_name strace_whence[] = {
    { 0, "SEEK_SET" }, { 1, "SEEK_CUR" }, { 2, "SEEK_END" }, { 3, "SEEK_DATA" }, { 4, "SEEK_HOLE" }, END,
};

const struct strace_name strace_signal[] = {
    { 1, "SIGHUP" }, { 2, "SIGINT" }, { 3, "SIGQUIT" }, { 4, "SIGILL" }, { 5, "SIGTRAP" }, { 6, "SIGABRT" }, { 7, "SIGBUS" },
    { 8, "SIGFPE" }, { 9, "SIGKILL" }, { 10, "SIGUSR1" }, { 11, "SIGSEGV" }, { 12, "SIGUSR2" }, { 13, "SIGPIPE" }, { 14, "SIGALRM" },
    { 15, "SIGTERM" }, { 16, "SIGSTKFLT" }, { 17, "SIGCHLD" }, { 18, "SIGCONT" }, { 19, "SIGSTOP" }, { 20, "SIGTSTP" }, { 21, "SIGTTIN" },
    { 22, "SIGTTOU" }, { 23, "SIGURG" }, { 24, "SIGXCPU" }, { 25, "SIGXFSZ" }, { 26, "SIGVTALRM" }, { 27, "SIGPROF" }, { 28, "SIGWINCH" },
    { 29, "SIGIO" }, { 30, "SIGPWR" }, { 31, "SIGSYS" }, END,
};

const struct strace_name strace_clock[] = {
    { 0, "CLOCK_REALTIME" }, { 1, "CLOCK_MONOTONIC" }, { 2, "CLOCK_PROCESS_CPUTIME_ID" }, { 3, "CLOCK_THREAD_CPUTIME_ID" },
    { 4, "CLOCK_MONOTONIC_RAW" }, { 5, "CLOCK_REALTIME_COARSE" }, { 6, "CLOCK_MONOTONIC_COARSE" }, { 7, "CLOCK_BOOTTIME" }, END,
};

const struct strace_name strace_family[] = {
    { 0, "AF_UNSPEC" }, { 1, "AF_UNIX" }, { 2, "AF_INET" }, { 10, "AF_INET6" }, { 16, "AF_NETLINK" }, { 17, "AF_PACKET" }, END,
};

static const char *const errors[] = {
    [1] = "EPERM (Operation not permitted)",
    [2] = "ENOENT (No such file or directory)",
    [3] = "ESRCH (No such process)",
    [4] = "EINTR (Interrupted system call)",
    [5] = "EIO (Input/output error)",
    [6] = "ENXIO (No such device or address)",
    [7] = "E2BIG (Argument list too long)",
    [8] = "ENOEXEC (Exec format error)",
    [9] = "EBADF (Bad file descriptor)",
    [10] = "ECHILD (No child processes)",
    [11] = "EAGAIN (Resource temporarily unavailable)",
    [12] = "ENOMEM (Cannot allocate memory)",
    [13] = "EACCES (Permission denied)",
    [14] = "EFAULT (Bad address)",
    [15] = "ENOTBLK (Block device required)",
    [16] = "EBUSY (Device or resource busy)",
    [17] = "EEXIST (File exists)",
    [18] = "EXDEV (Invalid cross-device link)",
    [19] = "ENODEV (No such device)",
    [20] = "ENOTDIR (Not a directory)",
    [21] = "EISDIR (Is a directory)",
    [22] = "EINVAL (Invalid argument)",
    [23] = "ENFILE (Too many open files in system)",
    [24] = "EMFILE (Too many open files)",
    [25] = "ENOTTY (Inappropriate ioctl for device)",
    [26] = "ETXTBSY (Text file busy)",
    [27] = "EFBIG (File too large)",
    [28] = "ENOSPC (No space left on device)",
    [29] = "ESPIPE (Illegal seek)",
    [30] = "EROFS (Read-only file system)",
    [31] = "EMLINK (Too many links)",
    [32] = "EPIPE (Broken pipe)",
    [33] = "EDOM (Numerical argument out of domain)",
    [34] = "ERANGE (Numerical result out of range)",
    [35] = "EDEADLK (Resource deadlock avoided)",
    [36] = "ENAMETOOLONG (File name too long)",
    [37] = "ENOLCK (No locks available)",
    [38] = "ENOSYS (Function not implemented)",
    [39] = "ENOTEMPTY (Directory not empty)",
    [40] = "ELOOP (Too many levels of symbolic links)",
    [42] = "ENOMSG (No message of desired type)",
    [43] = "EIDRM (Identifier removed)",
    [44] = "ECHRNG (Channel number out of range)",
    [45] = "EL2NSYNC (Level 2 not synchronized)",
    [46] = "EL3HLT (Level 3 halted)",
    [47] = "EL3RST (Level 3 reset)",
    [48] = "ELNRNG (Link number out of range)",
    [49] = "EUNATCH (Protocol driver not attached)",
    [50] = "ENOCSI (No CSI structure available)",
    [51] = "EL2HLT (Level 2 halted)",
    [52] = "EBADE (Invalid exchange)",
    [53] = "EBADR (Invalid request descriptor)",
    [54] = "EXFULL (Exchange full)",
    [55] = "ENOANO (No anode)",
    [56] = "EBADRQC (Invalid request code)",
    [57] = "EBADSLT (Invalid slot)",
    [59] = "EBFONT (Bad font file format)",
    [60] = "ENOSTR (Device not a stream)",
    [61] = "ENODATA (No data available)",
    [62] = "ETIME (Timer expired)",
    [63] = "ENOSR (Out of streams resources)",
    [64] = "ENONET (Machine is not on the network)",
    [65] = "ENOPKG (Package not installed)",
    [66] = "EREMOTE (Object is remote)",
    [67] = "ENOLINK (Link has been severed)",
    [68] = "EADV (Advertise error)",
    [69] = "ESRMNT (Srmount error)",
    [70] = "ECOMM (Communication error on send)",
    [71] = "EPROTO (Protocol error)",
    [72] = "EMULTIHOP (Multihop attempted)",
    [73] = "EDOTDOT (RFS specific error)",
    [74] = "EBADMSG (Bad message)",
    [75] = "EOVERFLOW (Value too large for defined data type)",
    [76] = "ENOTUNIQ (Name not unique on network)",
    [77] = "EBADFD (File descriptor in bad state)",
    [78] = "EREMCHG (Remote address changed)",
    [79] = "ELIBACC (Can not access a needed shared library)",
    [80] = "ELIBBAD (Accessing a corrupted shared library)",
    [81] = "ELIBSCN (.lib section in a.out corrupted)",
    [82] = "ELIBMAX (Attempting to link in too many shared libraries)",
    [83] = "ELIBEXEC (Cannot exec a shared library directly)",
    [84] = "EILSEQ (Invalid or incomplete multibyte or wide character)",
    [85] = "ERESTART (Interrupted system call should be restarted)",
    [86] = "ESTRPIPE (Streams pipe error)",
    [87] = "EUSERS (Too many users)",
    [88] = "ENOTSOCK (Socket operation on non-socket)",
    [89] = "EDESTADDRREQ (Destination address required)",
    [90] = "EMSGSIZE (Message too long)",
    [91] = "EPROTOTYPE (Protocol wrong type for socket)",
    [92] = "ENOPROTOOPT (Protocol not available)",
    [93] = "EPROTONOSUPPORT (Protocol not supported)",
    [94] = "ESOCKTNOSUPPORT (Socket type not supported)",
    [95] = "EOPNOTSUPP (Operation not supported)",
    [96] = "EPFNOSUPPORT (Protocol family not supported)",
    [97] = "EAFNOSUPPORT (Address family not supported by protocol)",
    [98] = "EADDRINUSE (Address already in use)",
    [99] = "EADDRNOTAVAIL (Cannot assign requested address)",
    [100] = "ENETDOWN (Network is down)",
    [101] = "ENETUNREACH (Network is unreachable)",
    [102] = "ENETRESET (Network dropped connection on reset)",
    [103] = "ECONNABORTED (Software caused connection abort)",
    [104] = "ECONNRESET (Connection reset by peer)",
    [105] = "ENOBUFS (No buffer space available)",
    [106] = "EISCONN (Transport endpoint is already connected)",
    [107] = "ENOTCONN (Transport endpoint is not connected)",
    [108] = "ESHUTDOWN (Cannot send after transport endpoint shutdown)",
    [109] = "ETOOMANYREFS (Too many references: cannot splice)",
    [110] = "ETIMEDOUT (Connection timed out)",
    [111] = "ECONNREFUSED (Connection refused)",
    [112] = "EHOSTDOWN (Host is down)",
    [113] = "EHOSTUNREACH (No route to host)",
    [114] = "EALREADY (Operation already in progress)",
    [115] = "EINPROGRESS (Operation now in progress)",
    [116] = "ESTALE (Stale file handle)",
    [117] = "EUCLEAN (Structure needs cleaning)",
    [118] = "ENOTNAM (Not a XENIX named type file)",
    [119] = "ENAVAIL (No XENIX semaphores available)",
    [120] = "EISNAM (Is a named type file)",
    [121] = "EREMOTEIO (Remote I/O error)",
    [122] = "EDQUOT (Disk quota exceeded)",
    [123] = "ENOMEDIUM (No medium found)",
    [124] = "EMEDIUMTYPE (Wrong medium type)",
    [125] = "ECANCELED (Operation canceled)",
    [126] = "ENOKEY (Required key not available)",
    [127] = "EKEYEXPIRED (Key has expired)",
    [128] = "EKEYREVOKED (Key has been revoked)",
    [129] = "EKEYREJECTED (Key was rejected by service)",
    [130] = "EOWNERDEAD (Owner died)",
    [131] = "ENOTRECOVERABLE (State not recoverable)",
    [132] = "ERFKILL (Operation not possible due to RF-kill)",
};

const char *
strace_errno(int err)
{
    return (unsigned)err < ARRAY_SIZE(errors) ? errors[err] : NULL;
}
