# aegis.gdb: commands for a guest under gdb (docs/debugging.md). scripts/run --gdb has gdb read it.

set print pretty on
set disassemble-next-line auto

define aegis-program
  eval "add-symbol-file %s/$arg0", $aegis_programs
end
document aegis-program
aegis-program NAME: the symbols of a program of the tree, for example httpd.
All programs lie at the same addresses, so breakpoints in one may be hit by another.
end

define aegis-epitaph
  set $e = (struct epitaph *) 0xffff800000005000
  if $_streq($e->magic, "") || $e->magic[0] != 'A' || $e->magic[7] != 'P'
    echo the kernel has not panicked\n
  else
    printf "panic: %s\n", $e->reason
    if $e->file != 0
      printf "at %s:%lu\n", $e->file, $e->line
    else
      printf "at "
      info line *$e->registers.rip
    end
    printf "env %lx, cr2 %lx, cr3 %lx\n", $e->env, $e->cr2, $e->cr3
    set $i = 0
    while $i < $e->frames
      printf "#%d ", $i
      info line *$e->backtrace[$i]
      set $i = $i + 1
    end
  end
end
document aegis-epitaph
Why, where and by which calls the kernel panicked.
end

define aegis-env
  set $env = ((struct cpu *) $gs_base)->env
  if $env == 0
    echo idle\n
  else
    printf "env %lx in space %lx, state %d\n", $env->id, $env->space->id, $env->state
  end
end
document aegis-env
Which env the processor is running. In the kernel only: elsewhere GS is the program's.
end
