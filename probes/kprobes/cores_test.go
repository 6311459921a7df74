package kprobes

import (
	"context"
	"maps"
	"slices"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// TestInstructionsAreSeenLate explores a CPU that fetches twice while another one writes
// a breakpoint and then perhaps tells it so: what it can find, in that order.
func TestInstructionsAreSeenLate(t *testing.T) {
	for _, c := range []struct {
		name string
		late bool
		sync bool
		want []string
	}{
		{"at once", false, false, []string{"int3, int3; told", "int3, int3; told, before", "the instruction, int3; told", "the instruction, the instruction; told"}},
		// What is seen late may be seen after the writer has gone on, too.
		{"late", true, false, []string{"int3, int3; told", "int3, int3; told, before", "the instruction, int3; told", "the instruction, int3; told, before",
			"the instruction, the instruction; told", "the instruction, the instruction; told, before"}},
		{"late, and told", true, true, []string{"int3, int3; told", "int3, int3; told, before", "the instruction, int3; told", "the instruction, the instruction; told"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			outcomes := map[string]bool{}
			r, err := explore.Run(context.Background(), func(m *sim.Machine) {
				k := m.Setup()
				text := NewText(k, "insn")
				if c.late {
					text.SeenLate()
				}
				var told sim.Word[bool]
				told.Init(k, "told", false)
				outcome := ""
				text.AddCPU(k, m.Go("writer", func(k *sim.K) {
					text.armText(k, 0)
					if c.sync {
						text.sync(k)
					}
					told.Write(k, true)
				}), "writer")
				text.AddCPU(k, m.Go("cpu", func(k *sim.K) {
					before := told.Read(k)
					for i := range 2 {
						b := text.Fetch(k, 0)
						if b == Int3 {
							text.Iret(k)
						}
						if outcome += b.String(); i == 0 {
							outcome += ", "
						}
					}
					if outcome += "; told"; before {
						outcome += ", before"
					}
				}), "cpu")
				m.After(func(*sim.K) { outcomes[outcome] = true })
			}, explore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict() != explore.Clean || r.Blocked > 0 {
				t.Errorf("%s: %s", r.Verdict(), r.Coverage())
			}
			if got := slices.Sorted(maps.Keys(outcomes)); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// TestSyncWaitsForExceptions sees that text_poke_sync() comes to a CPU only outside of an
// exception, and that a design may hang by waiting for it inside of one.
func TestSyncWaitsForExceptions(t *testing.T) {
	for _, c := range []struct {
		name string
		iret bool
		want string
	}{
		{"the exception returns", true, explore.Clean},
		{"it does not", false, explore.Violation},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := explore.Run(context.Background(), func(m *sim.Machine) {
				k := m.Setup()
				text := NewText(k, "insn")
				text.SyncInterrupts()
				text.armText(k, 0)
				inside := false
				text.AddCPU(k, m.Go("cpu", func(k *sim.K) {
					if text.Fetch(k, 0) != Int3 {
						return
					}
					inside = true
					text.readText(k, 0)
					if c.iret {
						inside = false
						text.Iret(k)
					}
				}), "cpu")
				text.AddCPU(k, m.Go("writer", func(k *sim.K) {
					text.disarmText(k, 0)
					text.sync(k)
					k.BugOn(inside, "in the exception")
				}), "writer")
			}, explore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict() != c.want {
				t.Errorf("%s: %s", r.Verdict(), r.Coverage())
			}
		})
	}
}

// TestHalfAJump sees that a jump or a long nop without its operand, and the operand alone,
// are no instructions.
func TestHalfAJump(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	o := m.Run(func(m *sim.Machine) {
		k := m.Setup()
		text := NewText(k, "insn", "insn+1")
		text.Jumpable(0)
		for _, step := range []struct {
			head, tail      Byte
			first, followed Byte
		}{
			{Own, Own, Own, Own},
			{Jump, Own, Garbage, Own},
			{Int3, Garbage, Int3, Garbage},
			{Jump, Garbage, Jump, Garbage},
			{LongNop, Own, Garbage, Own},
			{LongNop, Garbage, LongNop, Garbage},
		} {
			text.pokeText(k, 0, step.head)
			text.pokeText(k, 1, step.tail)
			if a, b := text.Fetch(k, 0), text.Fetch(k, 1); a != step.first || b != step.followed {
				t.Errorf("%s with %s behind it: %s, %s", step.head, step.tail, a, b)
			}
		}
	}, sim.StrategyFunc(func(*sim.Machine, *sim.Point) int { return 0 }))
	if o.Violation != nil {
		t.Error(o.Violation)
	}
}

// TestInterruptSharesItsCPU has an interrupt run where its CPU has just written: it may
// execute what the CPU has fetched before, until the CPU forgets that.
func TestInterruptSharesItsCPU(t *testing.T) {
	for _, c := range []struct {
		name   string
		forget bool
		want   []string
	}{
		{"not told", false, []string{"a call of ftrace", "the instruction"}},
		{"told", true, []string{"a call of ftrace"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen := map[string]bool{}
			r, err := explore.Run(context.Background(), func(m *sim.Machine) {
				k := m.Setup()
				text := NewText(k, "insn")
				text.SeenLate()
				var id sim.TaskID
				id = m.GoOn(0, "cpu", func(k *sim.K) {
					k.LocalIRQDisable()
					text.pokeText(k, 0, Call)
					if c.forget {
						text.syncCore(k)
					}
					k.InterruptOn(sim.ThisCPU, "irq", func(k *sim.K) {
						text.SharesCPU(k, id)
						seen[text.Fetch(k, 0).String()] = true
					})
					k.LocalIRQEnable()
				})
				text.AddCPU(k, id, "cpu")
			}, explore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict() != explore.Clean {
				t.Errorf("%s: %s", r.Verdict(), r.Coverage())
			}
			if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
