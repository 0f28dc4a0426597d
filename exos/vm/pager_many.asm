; pager_many.asm: pager.asm's way from a fault to a handler once more, for several CPUs (start/entry_many.asm).

%define MANY
%define fault_entry             fault_entry_many
%define nested                  nested_many
%define pager_fault             pager_fault_many
%define pager_nested            pager_nested_many
%include "vm/pager.asm"
