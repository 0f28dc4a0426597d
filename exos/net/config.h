/* config.h: where eth0 gets its address. net_lock is held in all of these. */
#ifndef EXOS_NET_CONFIG_H
#define EXOS_NET_CONFIG_H

#include "base/base.h"

struct netif;

/* Reads `ip=` and starts what it asks for. */
void net_configure(const char *cmdline, struct netif *eth);
/* Takes the static address when DHCP has been silent for too long. */
void net_config_due(void);
uint64_t net_config_deadline(void);

#endif
