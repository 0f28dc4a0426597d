/* bringup.c: the network of a session, from what the session was given: NIC 0 when there is one, loopback in any case. */
#include "net/net.h"
#include "net/nic.h"

#include "aegis/info.h"
#include "start/session.h"

/* A ring on NIC 0, or NULL: the machine has none, or the session may not use it. */
static struct nic *
open_nic(void)
{
    const volatile struct aeg_table *t = &AEG_INFO->nics;
    const volatile struct aeg_nic_info *info = (const volatile struct aeg_nic_info *)t->address;
    struct ring_env env = { .account = session.account, .cap = CAP_SELF, .env_cap = CAP_SELF, .nic_cap = CAP_NIC,
                            .env = session.housekeeper, .bits = NOTIFY_NET, .nic_index = 0 };

    if (t->count == 0 || session.cap_rights[CAP_NIC] == 0)
        return NULL;
    for (unsigned i = 0; i < sizeof(env.mac); i++)
        env.mac[i] = info->mac[i];
    env.mtu = info->mtu;
    env.features = info->features;
    return ring_open(&env);
}

void
net_start(void)
{
    net_init(cmdline_text(), open_nic());
    net_proc_init();
}
