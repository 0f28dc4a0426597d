/*
 * info.h: exposed information: one read-only window at PML4 slot 255, the same in every space. No call asks for what can be read here.
 *
 * The header says where each table lies (address, entries, stride), so a reader built for an older version still finds what it knows:
 * fields are only appended. The structs are made from info.def, which describes each field.
 */
#ifndef AEGIS_INFO_H
#define AEGIS_INFO_H

#include "aegis/types.h"

#define AEG_INFO_BASE ((uint64_t)AEG_INFO_SLOT << 39)
#define AEG_INFO_MAGIC 0x6f666e4973696765ull
#define AEG_INFO_VERSION 6

#define AEG_RECORD(tag, size, text) struct tag {
#define AEG_FIELD(tag, type, name, offset, text) type name;
#define AEG_ARRAY(tag, type, name, count, offset, text) type name[count];
#define AEG_TABLE(tag, name, entry, offset, text) struct aeg_table name;
#define AEG_RECORD_END(tag) };
#include "aegis/info.def"
#undef AEG_RECORD
#undef AEG_FIELD
#undef AEG_ARRAY
#undef AEG_TABLE
#undef AEG_RECORD_END

#define AEG_RECORD(tag, size, text) static_assert(sizeof(struct tag) == (size), "info.def: size of " #tag);
#define AEG_FIELD(tag, type, name, offset, text) static_assert(offsetof(struct tag, name) == (offset), "info.def: " #tag "." #name);
#define AEG_ARRAY(tag, type, name, count, offset, text) AEG_FIELD(tag, type, name, offset, text)
#define AEG_TABLE(tag, name, entry, offset, text) AEG_FIELD(tag, struct aeg_table, name, offset, text)
#define AEG_RECORD_END(tag)
#include "aegis/info.def"
#undef AEG_RECORD
#undef AEG_FIELD
#undef AEG_ARRAY
#undef AEG_TABLE
#undef AEG_RECORD_END

#define AEG_INFO ((const volatile struct aeg_info *)AEG_INFO_BASE)

/* Entry `index` of a table: the stride is the kernel's, which may be newer than the reader. */
static inline const volatile void *
aeg_info_entry(const volatile struct aeg_table *table, uint64_t index)
{
    return (const volatile void *)(uintptr_t)(table->address + index * table->stride);
}

/* aeg_frame_info.type */
enum aeg_frame_type {
    AEG_FRAME_NONE,             /* not memory, or the kernel's own */
    AEG_FRAME_FREE,
    AEG_FRAME_PLAIN,            /* allocated: bound `refs` times */
    AEG_FRAME_NODE,             /* a page-table node */
    AEG_FRAME_ORPHAN,           /* freed while bound: gone at the last reference */
    AEG_FRAME_SAVE,             /* an env's save frame: nobody else may bind it, for the kernel believes what it holds */
};

/* aeg_frame_info.flags */
#define AEG_FRAME_DIRTY 1u      /* not known to hold zeroes */
#define AEG_FRAME_PINNED 2u     /* UENV, save frame or repossession vector: may not become a node, and is not taken by force */
#define AEG_FRAME_DYING 4u      /* taken by force: gone at the last reference */
#define AEG_FRAME_INHERITED 8u  /* of an account that has ended: cleared before anybody has it */

/* aeg_env_info.state */
enum aeg_env_state {
    AEG_ENV_FREE,
    AEG_ENV_READY,
    AEG_ENV_WAITING,            /* for notification bits, or for the reply to a pct_call */
    AEG_ENV_STOPPED,
    AEG_ENV_GATE,               /* in its gate: whoever holds the right may enter it */
};

/* aeg_env_info.overruns that stop an env: a machine that is itself kept from running for a while is nobody's fault */
#define AEG_OVERRUN_MAX 64
/* Slices on end that somebody else than their home may have without answering one end: a second and a half. Then it is stopped. */
#define AEG_UNANSWERED_MAX 256

/* aeg_trace_event.kind */
enum aeg_trace_kind {
#define AEG_TRACE_EVENT(number, name, a, b, when) AEG_TRACE_##name = number,
#include "aegis/trace.def"
#undef AEG_TRACE_EVENT
};

/* aeg_slot_info.flags */
#define AEG_SLOT_READ_ONLY 1u
#define AEG_SLOT_WHOLE     2u   /* the disk has no partition table: the slot is all of it */
#define AEG_SLOT_TABLE     4u   /* the partition that holds the disk's slot table: only to be read */
#define AEG_SLOT_CARVED    8u   /* made by slot_carve or slot_split, and kept in the slot table */
#define AEG_SLOT_DIRTY     16u  /* freed, and still holding what was stored under `guard`: not to be bound */

#define AEG_MODULE_MAX 8

/* aeg_info.cpu_features */
#define AEG_CPU_FSGSBASE (1u << 0)
#define AEG_CPU_PKU      (1u << 1)
#define AEG_CPU_1GIB     (1u << 2)
#define AEG_CPU_PCID     (1u << 3)
#define AEG_CPU_SMAP     (1u << 4)
#define AEG_CPU_SMEP     (1u << 5)
#define AEG_CPU_UMIP     (1u << 6)
#define AEG_CPU_INVPCID  (1u << 7)

#endif
