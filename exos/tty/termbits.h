/* termbits.h: terminal modes as Linux numbers them (include/uapi/asm-generic/termbits.h, ioctls.h). */
#ifndef EXOS_TTY_TERMBITS_H
#define EXOS_TTY_TERMBITS_H

enum { VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSWTC, VSTART, VSTOP, VSUSP, VEOL, VREPRINT, VDISCARD, VWERASE, VLNEXT, VEOL2 };

#define ISTRIP  0000040u
#define INLCR   0000100u
#define IGNCR   0000200u
#define ICRNL   0000400u
#define IUCLC   0001000u
#define IXON    0002000u
#define IXANY   0004000u
#define IMAXBEL 0020000u
#define IUTF8   0040000u
#define OPOST   0000001u
#define OLCUC   0000002u
#define ONLCR   0000004u
#define OCRNL   0000010u
#define ONOCR   0000020u
#define ONLRET  0000040u
#define XTABS   0014000u
#define B38400  0000017u
#define CBAUD   0010017u
#define CBAUDEX 0010000u        /* alone: BOTHER, the speed is in numbers */
#define CIBAUD_SHIFT 16
#define CSIZE   0000060u
#define CS8     0000060u
#define CREAD   0000200u
#define PARENB  0000400u
#define HUPCL   0002000u
#define ISIG    0000001u
#define ICANON  0000002u
#define ECHO    0000010u
#define ECHOE   0000020u
#define ECHOK   0000040u
#define ECHONL  0000100u
#define NOFLSH  0000200u
#define TOSTOP  0000400u
#define ECHOCTL 0001000u
#define ECHOKE  0004000u
#define IEXTEN  0100000u

#define TCGETS      0x5401u
#define TCSETS      0x5402u
#define TCSETSW     0x5403u
#define TCSETSF     0x5404u
#define TCGETA      0x5405u
#define TCSETA      0x5406u
#define TCSETAW     0x5407u
#define TCSETAF     0x5408u
#define TCSBRK      0x5409u
#define TCXONC      0x540au
#define TCFLSH      0x540bu
#define TIOCEXCL    0x540cu
#define TIOCNXCL    0x540du
#define TIOCSCTTY   0x540eu
#define TIOCGPGRP   0x540fu
#define TIOCSPGRP   0x5410u
#define TIOCOUTQ    0x5411u
#define TIOCSTI     0x5412u
#define TIOCGWINSZ  0x5413u
#define TIOCSWINSZ  0x5414u
#define FIONREAD    0x541bu
#define TIOCPKT     0x5420u
#define FIONBIO     0x5421u
#define TIOCNOTTY   0x5422u
#define TIOCSETD    0x5423u
#define TIOCGETD    0x5424u
#define TCSBRKP     0x5425u
#define TIOCGSID    0x5429u
#define TIOCGPTPEER 0x5441u
#define TCGETS2     0x802c542au
#define TCSETS2     0x402c542bu
#define TCSETSW2    0x402c542cu
#define TCSETSF2    0x402c542du
#define TIOCGLCKTRMIOS 0x5456u
#define TIOCSLCKTRMIOS 0x5457u
#define TIOCGPTN    0x80045430u
#define TIOCSPTLCK  0x40045431u
#define TIOCGDEV    0x80045432u
#define TIOCSIG     0x40045436u
#define TIOCGPKT    0x80045438u
#define TIOCGPTLCK  0x80045439u
#define TIOCGEXCL   0x80045440u

enum { TCOOFF, TCOON, TCIOFF, TCION };          /* of TCXONC */
enum { TCIFLUSH, TCOFLUSH, TCIOFLUSH };         /* of TCFLSH */

/* What packet mode tells (ioctl_tty(2)). */
#define TIOCPKT_FLUSHREAD  1u
#define TIOCPKT_FLUSHWRITE 2u
#define TIOCPKT_STOP       4u
#define TIOCPKT_START      8u
#define TIOCPKT_NOSTOP     16u
#define TIOCPKT_DOSTOP     32u

#endif
