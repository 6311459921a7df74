//go:build linux && amd64

package x86

import (
	"fmt"
	"os"
	"sort"
	"testing"
)

func triage(t *testing.T, ts []template, n int, prepare func(in *instance, v *values)) {
	h := startHost(t)
	fails := map[string]int{}
	first := map[string]string{}
	seed := values(12345)
	for k := 0; k < n; k += batch {
		var ins []*instance
		records := make([]record, batch)
		for i := range records {
			in := build(ts[int(seed.raw()%uint64(len(ts)))], func(n int, _ string) int { return int(seed.raw() % uint64(n)) }, seed.raw())
			if prepare != nil {
				v := values(seed.raw())
				prepare(in, &v)
			}
			if len(in.code) > 15 {
				in.code = in.code[:0]
			}
			ins = append(ins, in)
			records[i].put(in.code, &in.state, in.data[:])
		}
		h.run(t, records)
		for i, in := range ins {
			if d := in.compare(&records[i]); d != "" {
				k := fmt.Sprintf("%s %x %d %d", in.name, in.template.op, in.ext, in.forms)
				fails[k]++
				if fails[k] <= 2 {
					first[k] += fmt.Sprintf("% x mxcsr %x flags %x rcx %x\n%s", in.code, in.state.MXCSR, in.state.RFLAGS, in.state.R[1], d)
					if in.name == "x87" {
						first[k] += fmt.Sprintf("x87 %x\n", in.state.X87)
					} else if in.template.pre != 0 || len(in.template.op) > 1 {
						first[k] += fmt.Sprintf("xmm %x\n", in.state.XMM)
					}
				}
			}
		}
	}
	var ks []string
	for k := range fails {
		ks = append(ks, k)
	}
	sort.Strings(ks)
	for _, k := range ks {
		t.Logf("%s: %d\n%s", k, fails[k], first[k])
	}
	t.Logf("%d kinds", len(ks))
}
func TestTriage(t *testing.T) {
	switch os.Getenv("TRIAGE") {
	case "int":
		triage(t, integerTemplates(), 40000, nil)
	case "x87":
		triage(t, x87Templates(), 60000, x87Prepare)
	case "vec":
		triage(t, vectorTemplates(), 40000, dataPrepare)
	case "float":
		triage(t, floatTemplates(), 150000, dataPrepare)
	case "stack":
		triage(t, stackTemplates(), 5000, stackPrepare)
	case "string":
		triage(t, stringTemplates(), 5000, stringPrepare)
	}
}
