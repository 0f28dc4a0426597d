/* net.c: packets of an EtherType of our own, sent and claimed past every protocol. */
#include <aegis/net.h>

#include "example.h"

#define OURS 0x88b5u                    /* IEEE 802: local experimental EtherType 1 */
#define BYTES 60

static uint8_t ring_page[AEG_RING_FRAMES][AEG_FRAME_SIZE] __attribute__((aligned(4096)));
static uint8_t packet[AEG_FRAME_SIZE] __attribute__((aligned(4096)));
static struct aeg_ring *const r = (struct aeg_ring *)ring_page[0];
static aeg_id_t ring;
static uint8_t mac[6];

/* example: ring_create */
static void
make_ring(void)
{
    struct aeg_ring_args args = { .env = self.env, .bits = 0, .nic = 0 };

    memset(ring_page, 0, sizeof(ring_page));
    for (unsigned i = 0; i < AEG_RING_FRAMES; i++)
        args.frames[i] = frame_of(ring_page[i]);
    must(aeg_ring_create(self.account, CAP_SELF, CAP_SELF, &args, &ring), "ring_create");
}
/* end */

/* example: filter */
/* What comes in for us: the EtherType alone. What goes out: the same, and from our address only, which an egress filter must fix. */
static struct aeg_filter
our_packets(int egress)
{
    struct aeg_filter f = { .flags = egress ? AEG_FILTER_EGRESS : 0 };

    if (egress)
        f.term[f.term_count++] = (struct aeg_filter_term)AEG_ATOM(6, 6, AEG_MAC_MASK, aeg_mac_value(mac));
    f.term[f.term_count++] = (struct aeg_filter_term)AEG_ATOM(12, 2, 0xffff, OURS);
    return f;
}
/* end */

/* example: filter_bind */
static aeg_id_t
claim(int egress)
{
    struct aeg_filter f = our_packets(egress);
    aeg_id_t id;

    must(aeg_filter_bind(ring, CAP_SELF, CAP_NIC, &f, &id), "filter_bind");
    return id;
}
/* end */

/* example: ring */
static void
post_packet(void)
{
    uint32_t place = r->tx_posted;
    struct aeg_tx *tx = (struct aeg_tx *)ring_page[AEG_TX_FRAME(place)] + AEG_TX_PLACE(place);

    *tx = (struct aeg_tx){ .fragment_count = 1, .fragment = { AEG_FRAGMENT(frame_of(packet), 0, BYTES) } };
    __atomic_store_n(&r->tx_posted, place + 1, __ATOMIC_RELEASE);
}
/* end */

/* example: ring_kick */
/* Sends what is posted; how the last packet fared. */
static aeg_err_t
send(void)
{
    uint32_t last = r->tx_posted - 1;
    uint64_t taken;

    must(aeg_ring_kick(ring, CAP_SELF, &taken), "ring_kick");
    while (__atomic_load_n(&r->tx_done, __ATOMIC_ACQUIRE) != r->tx_posted)
        continue;                       /* a library of its own would aeg_wait() for the ring's bits */
    return (aeg_err_t)((struct aeg_tx *)ring_page[AEG_TX_FRAME(last)])[AEG_TX_PLACE(last)].error;
}
/* end */

/* example: filter_unbind */
static void
disclaim(aeg_id_t filter)
{
    must(aeg_filter_unbind(filter, CAP_SELF), "filter_unbind");
    expect(aeg_filter_unbind(filter, CAP_SELF) == AEG_ERR_FILTER, "a filter is unbound once");
}
/* end */

/* example: ring_destroy */
static void
end_ring(void)
{
    must(aeg_ring_destroy(ring, CAP_SELF), "ring_destroy");     /* filters that are left go with it */
}
/* end */

int
main(void)
{
    const volatile struct aeg_nic_info *nic = aeg_info_entry(&AEG_INFO->nics, 0);
    aeg_id_t in, out;

    find_self();
    for (unsigned i = 0; i < 6; i++)
        mac[i] = nic->mac[i];
    memset(packet, 0xff, 6);
    memcpy(packet + 6, mac, 6);
    packet[12] = OURS >> 8;
    packet[13] = OURS & 0xff;
    make_ring();
    in = claim(0);
    post_packet();
    expect(send() == AEG_ERR_EGRESS, "without an egress filter nothing leaves");
    out = claim(1);
    post_packet();
    expect(send() == AEG_OK, "with one it does");
    packet[6] ^= 2;
    post_packet();
    expect(send() == AEG_ERR_EGRESS, "but not in another's name");
    disclaim(out);
    disclaim(in);
    end_ring();
    return 0;
}
