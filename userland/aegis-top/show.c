/* show.c: a section of lines for each table of the window. Empty places are left out. */
#include "top.h"

#include <stdio.h>

#include "aegis/net.h"

#define NS_PER_S 1000000000ull

typedef unsigned long long ull;

static const struct sample *now, *before;

/* Per second, since the sample before. */
static ull
rate(uint64_t value, uint64_t was)
{
    uint64_t ns = now->ns - before->ns;

    return ns == 0 || value < was ? 0 : (ull)((unsigned __int128)(value - was) * NS_PER_S / ns);
}

static void
show_head(void)
{
    ull s = now->ns / NS_PER_S;

    line("%s   up %llu:%02llu:%02llu   %u CPU   TSC %llu MHz   slice %llu us   window version %u", (const char *)(uintptr_t)AEG_INFO->build,
         s / 3600, s / 60 % 60, s % 60, AEG_INFO->cpu_count, (ull)AEG_INFO->tsc_hz / 1000000, (ull)AEG_INFO->slice_ns / 1000,
         AEG_INFO->version);
    line("frames %llu, free %llu (%s)", (ull)AEG_INFO->frames_total, (ull)AEG_INFO->frames_free,
         bytes_text(AEG_INFO->frames_free * AEG_FRAME_SIZE));
}

/* Of the time between the samples; ticks that run just now make no sense, and are nothing. */
static unsigned
percent(uint64_t tsc, uint64_t was)
{
    uint64_t all = (uint64_t)((unsigned __int128)(now->ns - before->ns) * AEG_INFO->tsc_hz / NS_PER_S);

    return all == 0 || tsc - was > all ? 0 : (unsigned)((tsc - was) * 100 / all);
}

static ull
ms(uint64_t tsc)
{
    return (ull)((unsigned __int128)tsc * 1000 / AEG_INFO->tsc_hz);
}

static void
show_cpus(void)
{
    heading("CPU   env         switches/s interrupts/s  upcalls/s     forced    stopped  idle");
    for (uint32_t i = 0; i < now->cpus.count; i++) {
        const struct aeg_cpu_info *c = ENTRY(now, cpus, aeg_cpu_info, i), *was = ENTRY(before, cpus, aeg_cpu_info, i);

        line("%-5u %-11s %10llu %12llu %10llu %10llu %10llu %4u%%", i, id_text(c->env), rate(c->switches, was->switches),
             rate(c->interrupts, was->interrupts), rate(c->upcalls, was->upcalls), (ull)c->forced, (ull)c->stopped, percent(c->idle_tsc, was->idle_tsc));
    }
}

static void
show_accounts(void)
{
    heading("ACCOUNT   of        guard                    frames used/guaranteed/limit   spaces   envs queues filters  slots");
    for (uint32_t i = 0; i < now->accounts.count; i++) {
        const struct aeg_account_info *a = ENTRY(now, accounts, aeg_account_info, i);
        char frames[48];

        if (a->id == 0)
            continue;
        snprintf(frames, sizeof(frames), "%llu/%s/%s", (ull)a->used[AEG_KIND_FRAME], limit_text(a->limits.guarantee[AEG_KIND_FRAME]),
                 limit_text(a->limits.limit[AEG_KIND_FRAME]));
        line("%-9s %-9s %-24s %-30s %6llu %6llu %6llu %7llu %6llu", id_text(a->id), id_text(a->parent), name_text(a->guard), frames,
             (ull)a->used[AEG_KIND_SPACE], (ull)a->used[AEG_KIND_ENV], (ull)a->used[AEG_KIND_QUEUE], (ull)a->used[AEG_KIND_FILTER],
             (ull)a->used[AEG_KIND_SLOT]);
    }
}

static const char *
state_text(const struct aeg_env_info *e)
{
    static const char *const states[] = { "free", "ready", "waiting", "stopped", "gate" };

    for (uint32_t c = 0; c < now->cpus.count; c++)
        if (ENTRY(now, cpus, aeg_cpu_info, c)->env == e->id)
            return "running";
    return e->state < sizeof(states) / sizeof(states[0]) ? states[e->state] : "?";
}

static unsigned
positions_of(aeg_id_t env)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < now->slices.count; i++)
        n += ENTRY(now, slices, aeg_slice_info, i)->env == env;
    return n;
}

static void
show_envs(void)
{
    heading("ENV       space     guard                    account  cpu state    slices  CPU%     run ms  excess ms  overruns    upcalls  stopped by");
    for (uint32_t i = 0; i < now->envs.count; i++) {
        const struct aeg_env_info *e = ENTRY(now, envs, aeg_env_info, i), *was = ENTRY(before, envs, aeg_env_info, i);
        char stop[64] = "";

        if (e->id == 0)
            continue;
        if (e->state == AEG_ENV_STOPPED)
            snprintf(stop, sizeof(stop), "vector %u at %llx, cr2 %llx", e->stop_reason, (ull)e->stop_rip, (ull)e->stop_cr2);
        line("%-9s %-9s %-24s %7u %4u %-8s %6u %5u %10llu %10llu %9u %10llu  %s", id_text(e->id), id_text(e->space), name_text(e->guard), e->account, e->cpu,
             state_text(e), positions_of(e->id), percent(e->run_tsc, was->id == e->id ? was->run_tsc : 0), ms(e->run_tsc), ms(e->excess_tsc),
             e->overruns, (ull)e->upcalls, stop);
    }
}

static void
show_spaces(void)
{
    heading("SPACE     guard                    account   envs       pml4");
    for (uint32_t i = 0; i < now->spaces.count; i++) {
        const struct aeg_space_info *s = ENTRY(now, spaces, aeg_space_info, i);

        if (s->id != 0)
            line("%-9s %-24s %7u %6u %10llu", id_text(s->id), name_text(s->guard), s->account, s->envs, (ull)s->pml4);
    }
}

/* A line for each run of positions that one home has. */
static void
show_slices(void)
{
    heading("SLICES    cpu  positions  home");
    for (uint32_t i = 0, begin = 0; i < now->slices.count; i++) {
        aeg_id_t env = ENTRY(now, slices, aeg_slice_info, i)->env;

        if ((i + 1) % AEG_SLICE_POSITIONS != 0 && ENTRY(now, slices, aeg_slice_info, i + 1)->env == env)
            continue;
        line("          %3u  %4u-%-4u  %s", i / AEG_SLICE_POSITIONS, begin % AEG_SLICE_POSITIONS, i % AEG_SLICE_POSITIONS, id_text(env));
        begin = i + 1;
    }
}

static void
show_slots(void)
{
    heading("SLOT      name         disk      first     blocks     size  guard                    flags");
    for (uint32_t i = 0; i < now->slots.count; i++) {
        const struct aeg_slot_info *s = ENTRY(now, slots, aeg_slot_info, i);

        if (s->id != 0)
            line("%-9s %-12s %4u %10llu %10llu %8s  %-24s%s%s%s%s%s", id_text(s->id), s->name, s->disk, (ull)s->first, (ull)s->count,
                 bytes_text(s->count * 512), name_text(s->guard), s->flags & AEG_SLOT_READ_ONLY ? " read-only" : "",
                 s->flags & AEG_SLOT_WHOLE ? " whole" : "", s->flags & AEG_SLOT_TABLE ? " table" : "",
                 s->flags & AEG_SLOT_CARVED ? " carved" : "", s->flags & AEG_SLOT_DIRTY ? " dirty" : "");
    }
}

static void
show_queues(void)
{
    heading("QUEUE     env       guard                    bindings in flight   taken/s      taken  completed     errors");
    for (uint32_t i = 0; i < now->queues.count; i++) {
        const struct aeg_queue_info *q = ENTRY(now, queues, aeg_queue_info, i), *was = ENTRY(before, queues, aeg_queue_info, i);

        if (q->id != 0)
            line("%-9s %-9s %-24s %8u %9u %9llu %10llu %10llu %10llu", id_text(q->id), id_text(q->env), name_text(q->guard), q->bindings,
                 q->in_flight, rate(q->taken, was->taken), (ull)q->taken, (ull)q->completed, (ull)q->errors);
    }
}

static void
show_rings(void)
{
    heading("RING      env       guard                    nic in flight      rx/s         rx  rx drops      tx/s         tx tx refused");
    for (uint32_t i = 0; i < now->rings.count; i++) {
        const struct aeg_ring_info *r = ENTRY(now, rings, aeg_ring_info, i), *was = ENTRY(before, rings, aeg_ring_info, i);

        if (r->id != 0)
            line("%-9s %-9s %-24s %3u %9u %9llu %10llu %9llu %9llu %10llu %10llu", id_text(r->id), id_text(r->env), name_text(r->guard), r->nic,
                 r->in_flight, rate(r->rx_packets, was->rx_packets), (ull)r->rx_packets, (ull)r->rx_dropped,
                 rate(r->tx_packets, was->tx_packets), (ull)r->tx_packets, (ull)r->tx_refused);
    }
}

static void
show_filters(void)
{
    heading("FILTER    ring      guard                    nic shape terms kind        matched/s    matched    dropped");
    for (uint32_t i = 0; i < now->filters.count; i++) {
        const struct aeg_filter_info *f = ENTRY(now, filters, aeg_filter_info, i), *was = ENTRY(before, filters, aeg_filter_info, i);

        if (f->id != 0)
            line("%-9s %-9s %-24s %3u %5u %5u %-10s %10llu %10llu %10llu", id_text(f->id), id_text(f->ring), name_text(f->guard), f->nic,
                 f->shape, f->terms, f->flags & AEG_FILTER_EGRESS ? "egress" : f->flags & AEG_FILTER_GROUP ? "group" : "", rate(f->matched, was->matched), (ull)f->matched,
                 (ull)f->dropped);
    }
}

static void
show_disks(void)
{
    heading("DISK      driver           blocks    reads/s   writes/s     read/s  written/s    flushes   discards     errors");
    for (uint32_t i = 0; i < now->disks.count; i++) {
        const struct aeg_disk_info *d = ENTRY(now, disks, aeg_disk_info, i), *was = ENTRY(before, disks, aeg_disk_info, i);

        line("%-9s %-12s %10llu %10llu %10llu %10s %10s %10llu %10llu %10llu", d->name, d->driver, (ull)d->blocks, rate(d->reads, was->reads),
             rate(d->writes, was->writes), bytes_text(rate(d->read_bytes, was->read_bytes)),
             bytes_text(rate(d->written_bytes, was->written_bytes)), (ull)d->flushes, (ull)d->discards, (ull)d->errors);
    }
}

static void
show_nics(void)
{
    heading("NIC driver       address            link      rx/s  rx bytes/s   rx drops      tx/s  tx bytes/s tx refused");
    for (uint32_t i = 0; i < now->nics.count; i++) {
        const struct aeg_nic_info *n = ENTRY(now, nics, aeg_nic_info, i), *was = ENTRY(before, nics, aeg_nic_info, i);

        line("%3u %-12s %02x:%02x:%02x:%02x:%02x:%02x  %-4s %9llu %11s %10llu %9llu %11s %10llu", i, n->driver, n->mac[0], n->mac[1], n->mac[2],
             n->mac[3], n->mac[4], n->mac[5], n->link_up ? "up" : "down", rate(n->rx_frames, was->rx_frames),
             bytes_text(rate(n->rx_bytes, was->rx_bytes)), (ull)n->rx_dropped, rate(n->tx_frames, was->tx_frames),
             bytes_text(rate(n->tx_bytes, was->tx_bytes)), (ull)n->tx_refused);
    }
}

void
show_all(const struct sample *sample, const struct sample *sample_before)
{
    now = sample;
    before = sample_before;
    text_begin();
    show_head();
    show_cpus();
    show_accounts();
    show_frames();
    show_envs();
    show_spaces();
    show_slices();
    show_slots();
    show_queues();
    show_rings();
    show_filters();
    show_disks();
    show_nics();
}
