package events_test

import (
	"errors"
	"fmt"

	"trapline/probes/uprobes/defects"
	"trapline/probes/uprobes/events"
	"trapline/sim"
)

// disk has one program.
type disk struct{}

func (disk) Lookup(path string) (events.File, error) {
	if path != "/bin/prog" {
		return events.File{}, sim.ENOENT
	}
	return events.File{Inode: 1, Regular: true}, nil
}

// nothing is a memory that cannot be read.
type nothing struct{}

func (nothing) Read(uint64, []byte) int { return 0 }

func Example() {
	tracefs := events.New(disk{})
	_, err := tracefs.Write([]byte("p:g/add /bin/prog:0x124b a=%rdi b=%si:s8"))
	var refused *events.Refusal
	if errors.As(err, &refused) {
		fmt.Print(refused.Report())
	}
	if _, err := tracefs.Write([]byte("p:g/add /bin/prog:0x124b a=%di b=%si:s8 s=+0(%dx):string")); err != nil {
		fmt.Println(err)
	}
	probe := tracefs.Probes()[0]
	fmt.Println(probe)
	fmt.Println(probe.Event.PrintFmt())

	cpu := events.Buffer{Defects: defects.Linux618}
	hit := events.Hit{Memory: nothing{}, Comm: "prog"}
	hit.Regs.IP = 0x40124b
	hit.Regs.R[7], hit.Regs.R[6] = 42, 255
	probe.Hits++
	fmt.Println(probe.Event.Print(cpu.Record(probe, &hit)))
	fmt.Println(probe.Profile())
	// Output:
	// trace_uprobe: error: Invalid register name
	//   Command: p:g/add /bin/prog:0x124b a=%rdi b=%si:s8
	//                                       ^
	// p:g/add /bin/prog:0x000000000000124b a=%di b=%si:s8 s=+0(%dx):string
	// "(%lx) a=0x%Lx b=%d s=\"%s\"", REC->__probe_ip, REC->a, REC->b, __get_str(s)
	// add: (0x40124b) a=0x2a b=-1 s=(fault)
	//   /bin/prog add                                                        1
}
