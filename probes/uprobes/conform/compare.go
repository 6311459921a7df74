package conform

import (
	"slices"
	"strconv"
	"strings"
)

// texts compares lines, and shows the first one that differs.
func (p *player) texts(st *step, what string, got, want []string) {
	if len(want) == 1 && want[0] == "" {
		want = nil
	}
	for i := range max(len(got), len(want)) {
		a, b := "nothing", "nothing"
		if i < len(got) {
			a = got[i]
		}
		if i < len(want) {
			b = want[i]
		}
		if a != b {
			p.wrong(st, "%s, line %d: %.300q, the kernel %.300q", what, i+1, a, b)
			return
		}
	}
}

// traces compares lines of the trace. Which of several processes is the first to
// be seen is not the kernel's to say.
func (p *player) traces(st *step, got, want []string) {
	got = p.translate(got, want)
	if !slices.Equal(got, want) && slices.Equal(unordered(got), unordered(want)) && len(unordered(got)) > 0 && several(want) {
		return
	}
	p.texts(st, "trace", got, want)
}

// translate puts what the kernel has in place of numbers of processes among the
// arguments, which are others on every machine, and of stack pointers below a
// signal frame, whose size depends on the processor.
func (p *player) translate(got, want []string) []string {
	if len(got) != len(want) {
		return got
	}
	list := slices.Clone(got)
	for i := range list {
		a, b := strings.Fields(got[i]), strings.Fields(want[i])
		for j := range min(len(a), len(b)) {
			key, x, _ := strings.Cut(a[j], "=")
			_, y, _ := strings.Cut(b[j], "=")
			if x != y && (isPID(x, y) || p.Name == "ret_signal" && key == "sp") {
				a[j] = key + "=" + y
			}
		}
		if slices.Equal(a, b) {
			list[i] = want[i]
		}
	}
	return list
}

// isPID says that one number can be that of a process here, and the other one
// there.
func isPID(here, there string) bool {
	a, err := strconv.Atoi(here)
	b, err2 := strconv.Atoi(there)
	return err == nil && err2 == nil && a >= firstPID && a < firstPID+100 && b >= firstPID && b <= maxPID
}

// The numbers of processes that there can be.
const (
	firstPID = 100
	maxPID   = 1 << 22
)

// unordered are the lines without the numbers of processes, sorted.
func unordered(lines []string) []string {
	var list []string
	for _, l := range lines {
		_, text, _ := strings.Cut(l, " ")
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}

// several says that the lines are of more than one process.
func several(lines []string) bool {
	return slices.ContainsFunc(lines, func(l string) bool {
		a, _, _ := strings.Cut(l, " ")
		b, _, _ := strings.Cut(lines[0], " ")
		return a != b
	})
}
