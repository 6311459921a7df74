package trace_test

import (
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/trace"
)

func lanes(t *testing.T, width int, records ...sim.Record) string {
	t.Helper()
	var b strings.Builder
	if err := trace.Lanes(&b, records, width); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLanes(t *testing.T) {
	story := []sim.Record{
		{Step: 1, Task: 2, Name: "register", Text: "mutex_lock(&uprobes_mutex)"},
		{Step: 1, Task: 2, Name: "register", Remark: "uprobe", Text: "inode 12 offset 0x40"},
		{Step: 2, Task: 1, Name: "fault", Text: "find_get_page(mapping)", Note: "= page 3"},
		{Step: 3, Task: 1, Name: "fault", Text: "wait_on_page_locked(page 3)"},
	}
	long := []sim.Record{
		{Step: 12345, Task: 1, Name: "a task with a name that is longer than anything that it does", Text: "f()"},
		{Step: 12346, Task: 2, Name: "b", Text: "f(" + strings.Repeat("x", 60) + ")", Note: "= " + strings.Repeat("word ", 12)},
	}
	for _, c := range []struct {
		name    string
		records []sim.Record
		width   int
		want    string
	}{
		{"nothing", nil, 80, ""},
		{"a story", story, 0, `
step  register                        fault
   0  mutex_lock(&uprobes_mutex)
        uprobe: inode 12 offset 0x40
   1                                  find_get_page(mapping) = page 3
   2                                  wait_on_page_locked(page 3)
`},
		{"a narrow page", story, 48, `
step  register              fault
   0  mutex_lock(
        &uprobes_mutex)
        uprobe: inode 12
          offset 0x40
   1                        find_get_page(
                              mapping) = page 3
   2                        wait_on_page_locked(
                              page 3)
`},
		{"long texts", long, 0, `
 step  a task with a name that is longer than        b
       anything that it does
12344  f()
12345                                                f(xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                                                       xxxxxxxxxxxxxxxxxx) = word word word word
                                                       word word word word word word word word
`},
		{"not ASCII", []sim.Record{{Step: 1, Name: "t", Text: "f(ü)"}}, 0, `
step  t
   0  f(?)
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := strings.TrimPrefix(c.want, "\n")
			if got := lanes(t, c.width, c.records...); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// TestLanesLoseNothing holds the lanes to three laws: nothing is cut off, no
// line ends in a blank, and a page is as wide as it was to be.
func TestLanesLoseNothing(t *testing.T) {
	text := rapid.StringMatching(`[a-z_>(), -]{0,120}`)
	rapid.Check(t, func(t *rapid.T) {
		var records []sim.Record
		var want string
		for i := range rapid.IntRange(1, 8).Draw(t, "records") {
			r := sim.Record{Step: i + 1, Task: sim.TaskID(rapid.IntRange(1, 3).Draw(t, "task")), Text: text.Draw(t, "text"), Note: text.Draw(t, "note")}
			r.Name = []string{"", "a", "b", "c"}[r.Task]
			if rapid.Bool().Draw(t, "remark") {
				r.Remark = "remark"
				want += r.Remark + ":" + r.Text
			} else {
				want += r.Text + r.Note
			}
			records = append(records, r)
		}
		width := rapid.IntRange(70, 160).Draw(t, "width")
		var b strings.Builder
		if err := trace.Lanes(&b, records, width); err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(b.String(), "\n")
		var got string
		for line := range strings.Lines(body) {
			line = strings.TrimSuffix(line, "\n")
			if strings.HasSuffix(line, " ") || len(line) > width {
				t.Fatalf("%d characters, to be %d: %q", len(line), width, line)
			}
			got += strings.TrimLeft(line, " 0123456789")
		}
		if strip(got) != strip(want) {
			t.Fatalf("lost something:\n%s\nof\n%s", strip(got), strip(want))
		}
	})
}

func strip(s string) string { return strings.ReplaceAll(s, " ", "") }

func ExampleLanes() {
	m := sim.NewMachine()
	defer m.Close()
	var (
		l sim.Mutex
		w sim.Word[int]
	)
	schedule, err := sim.ParseSchedule("second@1")
	if err != nil {
		panic(err)
	}
	m.Record(func(m *sim.Machine) {
		k := m.Setup()
		k.MutexInit(&l, "uprobes_mutex")
		w.Init(k, "count", 0)
		m.Go("first", func(k *sim.K) {
			w.Write(k, 1)
			k.MutexLock(&l)
			k.MutexUnlock(&l)
		})
		m.Go("second", func(k *sim.K) { w.Read(k) })
	}, sim.NewReplay(schedule))
	if err := trace.Lanes(os.Stdout, m.Records(), 80); err != nil {
		panic(err)
	}
	// Output:
	// step  first                         second
	//    0  WRITE_ONCE(count) <- 1
	//    1                                READ_ONCE(count) = 1
	//    2  mutex_lock(&uprobes_mutex)
	//    3  mutex_unlock(&uprobes_mutex)
}
