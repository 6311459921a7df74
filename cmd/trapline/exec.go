package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	osexec "os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trapline/probes/uprobes/defects"
	"trapline/vm/linux"
)

// execFlags are the flags of trapline exec.
type execFlags struct {
	seed      uint64
	dirs      []string
	env       []string
	argv0     string
	chdir     string
	maxInsns  uint64
	maxMemory string
	timeout   time.Duration
	cpus      int
	verbose   bool
	stats     bool
	probes    []string
	filters   []string
	kernel    string
	traceFile string
	profile   bool
}

// exitExhausted is the status of a run that a budget has ended, as timeout(1) has it.
const exitExhausted = 124

// maxProgram is the largest program that is read.
const maxProgram = 256 << 20

func (a *app) execCommand() *cobra.Command {
	var f execFlags
	cmd := &cobra.Command{
		Use:   "exec [flags] PROGRAM [ARG...]",
		Short: "Run a static x86-64 Linux program on the simulated kernel",
		Long: `Exec runs a static x86-64 Linux program: it is read into memory page by page, when
the program touches a page, executed instruction by instruction, and its system
calls are answered by the simulated kernel. --seed decides when pages arrive, the
order of threads, and what getrandom(2) returns: another seed is another run that
could be, and the same seed the same run on any machine.

The program sees standard input, output and error, and no other file of the host
unless --dir grants a directory, which it can read; what it writes stays in memory.
Without =AT the directory is the program's root. Time is virtual: an instruction
takes a nanosecond, and nobody waits for a sleep.

--probe defines and enables an event as a line of tracefs's uprobe_events does; it
may be given several times. A path is one of the tree that the program sees, or as
the program was given. In place of an offset in the file it may name a function:
PATH:FUNCTION, or PATH:FUNCTION+OFFSET. --filter is a write to the file filter of an
event. When the program has ended the trace is
written as the file trace shows it. --kernel fixed has none of the defects that
"trapline list defects" explains.

The exit status is that of the program, 128 and the number of the signal if one
killed it, 124 if a budget (--max-insns, --max-memory, --timeout) has ended it, and 2
if the program cannot be run, such as one that is linked dynamically.`,
		Example: `  trapline exec ./hello
  trapline exec --seed 7 --dir . busybox sh -c 'sort names | uniq -c'
  trapline exec --probe 'p:main ./hello:main argc=%di:s32' --probe 'r ./hello:puts $retval' ./hello
  trapline exec --probe 'p:grow ./prog:grow n=%di' --filter 'grow=n > 4096' ./prog
  trapline exec --dir testdata=/data --max-insns 1000000000 ./prog /data/input`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return mistake("exec: no program (usage: trapline exec [flags] PROGRAM [ARG...])")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.exec(cmd, args, &f) },
	}
	flags := cmd.Flags()
	flags.SetInterspersed(false)
	flags.Uint64Var(&f.seed, "seed", 0, "the `N` that decides the order of everything that has none")
	flags.StringArrayVar(&f.dirs, "dir", nil, "let the program read the directory `HOST[=AT]`")
	flags.StringArrayVar(&f.env, "env", nil, "add `NAME=VALUE` to the environment, which is empty")
	flags.StringVar(&f.argv0, "argv0", "", "the `NAME` that the program is called by")
	flags.StringVar(&f.chdir, "chdir", "/", "start in the directory `AT`")
	flags.Uint64Var(&f.maxInsns, "max-insns", 0, "end the run after `N` instructions (0: never)")
	flags.StringVar(&f.maxMemory, "max-memory", "1G", "how much memory the program may use, as in 64M (0: no limit)")
	flags.DurationVar(&f.timeout, "timeout", 0, "end the run after so long, as in 30s (0: never)")
	flags.IntVar(&f.cpus, "cpus", 2, "how many processors the program is told of")
	flags.BoolVar(&f.verbose, "verbose", false, "tell of system calls that there are not")
	flags.BoolVar(&f.stats, "stats", false, "tell at the end what the run has taken")
	flags.StringArrayVar(&f.probes, "probe", nil, "put a probe on a program: a `LINE` of uprobe_events, or with PATH:FUNCTION+OFFSET")
	flags.StringArrayVar(&f.filters, "filter", nil, "let only some hits into the trace: `EVENT=EXPRESSION`, as the file filter takes it")
	flags.StringVar(&f.kernel, "kernel", defects.Kernels[0].Name, "the `KERNEL` whose uprobes these are: "+kernelNames())
	flags.StringVar(&f.traceFile, "trace", "", "write the trace to `FILE`, not to standard error")
	flags.BoolVar(&f.profile, "profile", false, "write uprobe_profile behind the trace")
	return cmd
}

// exec runs a program.
func (a *app) exec(cmd *cobra.Command, args []string, f *execFlags) error {
	c := linux.Config{
		Args: append([]string{}, args...), Env: f.env, Dir: f.chdir, Seed: f.seed, MaxInsns: f.maxInsns, CPUs: f.cpus,
		Stdin: cmd.InOrStdin(), Stdout: a.stdout, Stderr: a.stderr, Notes: a.stderr, Verbose: f.verbose,
	}
	if f.argv0 != "" {
		c.Args[0] = f.argv0
	}
	if f.cpus < 1 || f.cpus > 64 {
		return mistake("--cpus %d: want 1 to 64", f.cpus)
	}
	for _, e := range f.env {
		if !strings.Contains(e, "=") {
			return mistake("--env %s: want NAME=VALUE", e)
		}
	}
	switch {
	case f.timeout < 0:
		return mistake("--timeout %v: want a time above 0 (as in 30s), or 0 for none", f.timeout)
	case f.traceFile != "" && len(f.probes) == 0:
		return mistake("--trace %s without --probe (nothing is traced)", f.traceFile)
	case f.profile && len(f.probes) == 0:
		return mistake("--profile without --probe (nothing is counted)")
	}
	var err error
	if c.MaxMemory, err = parseSize(f.maxMemory); err != nil {
		return mistake("--max-memory %s: %w", f.maxMemory, err)
	}
	if c.Path, c.Program, err = readProgram(args[0]); err != nil {
		return mistake("exec: %w", err)
	}
	for _, d := range f.dirs {
		m, done, err := mount(d)
		if err != nil {
			return mistake("--dir %s: %w (give a directory, as in --dir data=/data)", d, err)
		}
		defer done()
		c.Mounts = append(c.Mounts, m)
	}
	start := time.Now()
	c.Interrupted = func() bool {
		return cmd.Context().Err() != nil || f.timeout > 0 && time.Since(start) > f.timeout
	}
	tr, err := a.tracer(&c, args[0], f)
	if err != nil {
		return err
	}
	r, err := tr.run(c)
	if werr := tr.write(f.profile); werr != nil {
		return fmt.Errorf("write the trace: %w", werr)
	}
	if f.stats {
		took := time.Since(start)
		fmt.Fprintf(a.stderr, "trapline: %d instructions (%.1f million a second), %d system calls, %d page faults, %v of virtual time, %v\n",
			r.Insns, float64(r.Insns)/took.Seconds()/1e6, r.Calls, r.Faults, time.Duration(r.Time), took.Round(time.Millisecond))
	}
	switch {
	case errors.Is(err, linux.ErrKernel):
		return err
	case err != nil:
		return mistake("exec: %w", err)
	case cmd.Context().Err() != nil:
		return exit(exitInterrupted)
	case r.Exhausted != linux.NoBudget:
		fmt.Fprintf(a.stderr, "trapline: the run has used up %s\n", f.budget(r))
		return exit(exitExhausted)
	case r.ExitCode() != 0:
		return exit(r.ExitCode())
	}
	return nil
}

// budget says which budget has ended a run, and what raises it.
func (f *execFlags) budget(r linux.Result) string {
	switch r.Exhausted {
	case linux.Instructions:
		return fmt.Sprintf("its %d instructions and was ended (--max-insns %d: give more, or 0 for no limit)", r.Insns, f.maxInsns)
	case linux.Memory:
		return fmt.Sprintf("its %s of memory and was ended (--max-memory %s: give more, or 0 for no limit)", f.maxMemory, f.maxMemory)
	case linux.Time:
		return fmt.Sprintf("its %v and was ended (--timeout %v: give more, or 0 for no limit)", f.timeout, f.timeout)
	case linux.NoBudget:
	}
	return ""
}

// parseSize reads a number of bytes with one of the usual suffixes.
func parseSize(s string) (uint64, error) {
	digits := strings.TrimRight(s, "KMGkmg")
	shift, ok := map[string]uint{"": 0, "K": 10, "M": 20, "G": 30}[strings.ToUpper(s[len(digits):])]
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || !ok || n > ^uint64(0)>>shift {
		return 0, errors.New("want a number of bytes, as in 64M")
	}
	return n << shift, nil
}

// readProgram reads the program from the host, and says by which name it is known
// in its own tree. A name without a slash is looked for as a shell does.
func readProgram(name string) (at string, content []byte, err error) {
	host := name
	if !strings.ContainsRune(name, '/') {
		if found, err := osexec.LookPath(name); err == nil {
			host = found
		}
	}
	info, err := os.Stat(host)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil, fmt.Errorf("%s: there is no such program (give its path)", name)
	case err != nil:
		return "", nil, err
	case !info.Mode().IsRegular():
		return "", nil, fmt.Errorf("%s: is not a regular file (give the path of a program)", name)
	case info.Size() > maxProgram:
		return "", nil, fmt.Errorf("%s: has more than %d MiB, the largest program that is read", name, maxProgram>>20)
	}
	file, err := os.Open(host)
	if err != nil {
		return "", nil, err
	}
	defer file.Close()
	content, err = io.ReadAll(io.LimitReader(file, maxProgram+1))
	if err != nil {
		return "", nil, err
	}
	return path.Join("/", filepath.ToSlash(host)), content, nil
}

// mount opens a directory of the host. Nothing outside of it can be reached
// through it, by symbolic links either.
func mount(arg string) (m linux.Mount, done func(), err error) {
	host, at, found := strings.Cut(arg, "=")
	if !found {
		at = "/"
	}
	if !path.IsAbs(at) {
		return m, nil, errors.New("the name behind = must be absolute")
	}
	root, err := os.OpenRoot(host)
	if err != nil {
		return m, nil, err
	}
	return linux.Mount{At: at, Files: root.FS()}, func() { _ = root.Close() }, nil
}
