; call_many.asm: the ways of calls where several CPUs run the session: call.asm once more, with the library's turn taken and given up.

%define MANY
%define foreign_entry           foreign_entry_many
%define foreign_entry_keyed     foreign_entry_keyed_many
%define gate_syscall            gate_syscall_many
%define gate_syscall_keyed      gate_syscall_keyed_many
%define enter_handler           enter_handler_many
%define resume                  resume_many
%include "start/call.asm"
