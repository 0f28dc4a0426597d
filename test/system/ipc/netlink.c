/*
 * netlink.c: what NETLINK_ROUTE answers: the same on Linux, where its interface and address are the same.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[16384];

static void
say(const char *what, long result)
{
    printf("%s: %ld %s\n", what, result, result < 0 ? strerror(errno) : "");
}

static void
libraries(void)
{
    struct if_nameindex *names = if_nameindex();
    struct ifaddrs *all = NULL;
    char text[64];

    for (struct if_nameindex *n = names; n && n->if_index; n++)
        printf("interface %u %s\n", n->if_index, n->if_name);
    printf("lo %u, %s\n", if_nametoindex("lo"), if_indextoname(1, text));
    say("getifaddrs", getifaddrs(&all));
    for (struct ifaddrs *a = all; a; a = a->ifa_next) {
        if (strcmp(a->ifa_name, "lo") != 0 || !a->ifa_addr)
            continue;
        if (a->ifa_addr->sa_family == AF_PACKET)
            printf("lo packet %d %d %x\n", ((struct sockaddr_ll *)a->ifa_addr)->sll_hatype, ((struct sockaddr_ll *)a->ifa_addr)->sll_halen,
                   a->ifa_flags & IFF_LOOPBACK);
        else if (a->ifa_addr->sa_family == AF_INET)
            printf("lo %s\n", inet_ntop(AF_INET, &((struct sockaddr_in *)a->ifa_addr)->sin_addr, text, sizeof(text)));
        else
            printf("lo %s\n", inet_ntop(AF_INET6, &((struct sockaddr_in6 *)a->ifa_addr)->sin6_addr, text, sizeof(text)));
    }
}

/* The types of the messages that come, and what an error says. */
static void
show(int fd, unsigned wanted)
{
    for (int more = 1; more;) {
        ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

        if (n < 0) {
            say("recv", n);
            return;
        }
        for (struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
            if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
                more = 0;
            if (h->nlmsg_type == NLMSG_ERROR)
                printf("error %d of seq %u to %s\n", ((struct nlmsgerr *)NLMSG_DATA(h))->error, ((struct nlmsgerr *)NLMSG_DATA(h))->msg.nlmsg_seq,
                       h->nlmsg_pid == (unsigned)getpid() ? "us" : "others");
            else if (h->nlmsg_type == NLMSG_DONE)
                printf("done, seq %u, multi %d\n", h->nlmsg_seq, h->nlmsg_flags & NLM_F_MULTI);
            else if (h->nlmsg_type != wanted)
                printf("type %u\n", h->nlmsg_type);
            if (!(h->nlmsg_flags & NLM_F_MULTI))
                more = 0;
        }
    }
}

static void
ask(int fd, int type, int flags, unsigned seq, int index)
{
    struct { struct nlmsghdr h; struct ifinfomsg m; } q = { { sizeof(q), type, flags, seq, 0 }, { .ifi_index = index } };
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

    say("sent", sendto(fd, &q, sizeof(q), 0, (struct sockaddr *)&kernel, sizeof(kernel)));
}

int
main(void)
{
    struct sockaddr_nl a = { .nl_family = AF_NETLINK }, other = { .nl_family = AF_NETLINK, .nl_pid = 77 };
    socklen_t len = sizeof(a);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), second = socket(AF_NETLINK, SOCK_DGRAM, 0);

    libraries();
    say("a stream", socket(AF_NETLINK, SOCK_STREAM, 0));
    say("an unknown family", socket(AF_NETLINK, SOCK_RAW, 31));
    say("bind", bind(fd, (struct sockaddr *)&a, sizeof(a)));
    say("getsockname", getsockname(fd, (struct sockaddr *)&a, &len));
    printf("%d %u groups %u len %u\n", a.nl_family, a.nl_pid == (unsigned)getpid(), a.nl_groups, len);
    say("bind to a taken id", bind(second, (struct sockaddr *)&a, sizeof(a)));
    say("bind again", bind(fd, (struct sockaddr *)&other, sizeof(other)));
    say("a short address", bind(second, (struct sockaddr *)&a, 8));
    ask(fd, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 5, 0);
    show(fd, RTM_NEWLINK);
    ask(fd, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 6, 0);
    show(fd, RTM_NEWADDR);
    ask(fd, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, 7, 0);
    show(fd, RTM_NEWROUTE);
    ask(fd, RTM_GETLINK, NLM_F_REQUEST, 8, 1);
    say("peek", recv(fd, buffer, 8, MSG_PEEK));
    show(fd, RTM_NEWLINK);
    ask(fd, RTM_GETLINK, NLM_F_REQUEST, 9, 99);
    show(fd, RTM_NEWLINK);
    ask(fd, RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, 10, 99);
    show(fd, RTM_NEWLINK);
    ask(fd, 15, NLM_F_REQUEST | NLM_F_ACK, 11, 0);
    show(fd, 0);
    ask(fd, RTM_GETLINK, 0, 12, 0);
    say("nothing", recv(fd, buffer, 8, MSG_DONTWAIT));
    say("from a stranger", sendto(fd, buffer, 16, 0, (struct sockaddr *)&other, sizeof(other)));
    setuid(1000);
    ask(second, RTM_DELLINK, NLM_F_REQUEST, 13, 1);
    show(second, 0);
    return 0;
}
