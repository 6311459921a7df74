package main

import (
	"fmt"
	"io"
	"strings"

	"trapline/sim"
	"trapline/sim/trace"
)

// partingContext is how many steps are shown of those that two executions share.
const partingContext = 3

// sideBySide prints two executions from the step on at which they part. Steps are
// counted in each, and remarks are left out.
func sideBySide(w io.Writer, names [2]string, executions [2]*execution) {
	var steps [2][]string
	for i, e := range executions {
		for _, r := range e.records {
			if r.Remark == "" {
				steps[i] = append(steps[i], stepText(&r))
			}
		}
	}
	alike := 0
	for alike < min(len(steps[0]), len(steps[1])) && steps[0][alike] == steps[1][alike] {
		alike++
	}
	const number = 4
	column := (pageWidth - 2*number - 6) / 2
	row := func(n int, texts [2]string) {
		left, right := trace.Wrap(texts[0], column, 2), trace.Wrap(texts[1], column, 2)
		for i := range max(len(left), len(right)) {
			label := strings.Repeat(" ", number)
			if i == 0 && n > 0 {
				label = fmt.Sprintf("%*d", number, n)
			}
			fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%s  %-*s  %s", label, column, at(left, i), at(right, i)), " "))
		}
	}
	fmt.Fprintf(w, "alike for %s\n\n", plural(alike, "step"))
	row(0, names)
	for n := max(alike-partingContext, 0); n < max(len(steps[0]), len(steps[1])); n++ {
		if n == alike && alike > 0 {
			row(0, [2]string{strings.Repeat("-", column), strings.Repeat("-", column)})
		}
		row(n+1, [2]string{at(steps[0], n), at(steps[1], n)})
	}
	row(0, [2]string{ending(executions[0]), ending(executions[1])})
}

func stepText(r *sim.Record) string {
	return strings.TrimRight(r.Name+": "+r.Text+" "+r.Note, " ")
}

// ending is what became of an execution.
func ending(e *execution) string {
	switch {
	case e.Violation != nil:
		return e.Violation.Title
	case e.Cut:
		return "(cut off)"
	default:
		return "(ends, and no rule is broken)"
	}
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}
