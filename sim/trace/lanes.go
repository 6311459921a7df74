package trace

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"trapline/sim"
)

const (
	// laneMax is the width of the widest lane, laneMin that below which lanes
	// are not squeezed to fit a page.
	laneMax = 44
	laneMin = 16
	// laneGap is the space between lanes.
	laneGap = 2
)

// Lanes writes an execution as lanes: a column for each task, in the order in
// which they first act, and a row for each step, with its number and with what
// came of it. Remarks are indented under the step that they belong to.
//
// Columns are as wide as they need to be, up to 44 characters, and narrower if
// the page of the given width would not hold them; what is longer is wrapped.
// A width of 0 is a page without end.
func Lanes(w io.Writer, records []sim.Record, width int) error {
	t := &table{numbers: len("step")}
	for i := range records {
		t.enter(&records[i])
	}
	t.fit(width)
	return t.write(w)
}

// table is the text of the lanes, not yet wrapped.
type table struct {
	names   []string
	tasks   []sim.TaskID
	widths  []int
	cells   []cell
	numbers int // the width of the column of numbers
}

// cell is the text of one record.
type cell struct {
	lane   int
	number string // empty for a remark
	indent int
	text   string
}

func (t *table) enter(r *sim.Record) {
	lane := slices.Index(t.tasks, r.Task)
	if lane < 0 {
		lane = len(t.tasks)
		t.tasks, t.names, t.widths = append(t.tasks, r.Task), append(t.names, ascii(r.Name)), append(t.widths, 0)
	}
	c := cell{lane: lane}
	if r.Remark != "" {
		c.indent, c.text = 2, r.Remark+": "+r.Text
	} else {
		c.number, c.text = fmt.Sprint(step(r)), r.Text+" "+r.Note
	}
	c.text = ascii(oneLine(c.text))
	t.numbers = max(t.numbers, len(c.number))
	t.widths[lane] = max(t.widths[lane], min(laneMax, max(c.indent+len(c.text), len(t.names[lane]))))
	t.cells = append(t.cells, c)
}

// fit makes the widest lanes narrower until all are on the page, or too narrow
// to be read.
func (t *table) fit(width int) {
	total := t.numbers
	for _, w := range t.widths {
		total += laneGap + w
	}
	for ; width > 0 && total > width; total-- {
		widest := 0
		for i, w := range t.widths {
			if w > t.widths[widest] {
				widest = i
			}
		}
		if len(t.widths) == 0 || t.widths[widest] <= laneMin {
			return
		}
		t.widths[widest]--
	}
}

func (t *table) write(w io.Writer) error {
	b := bufio.NewWriter(w)
	// The names are wrapped like everything else.
	headings := make([][]string, len(t.names))
	height := 0
	for i, name := range t.names {
		headings[i] = Wrap(name, t.widths[i], 0)
		height = max(height, len(headings[i]))
	}
	for row := range height {
		line := pad("", t.numbers)
		if row == 0 {
			line = fmt.Sprintf("%*s", t.numbers, "step")
		}
		for i, h := range headings {
			text := ""
			if row < len(h) {
				text = h[row]
			}
			line += pad("", laneGap) + pad(text, t.widths[i])
		}
		writeLine(b, line)
	}
	for _, c := range t.cells {
		left := t.numbers
		for _, width := range t.widths[:c.lane] {
			left += laneGap + width
		}
		left += laneGap + c.indent
		for i, text := range Wrap(c.text, t.widths[c.lane]-c.indent, 2) {
			number := ""
			if i == 0 {
				number = c.number
			}
			writeLine(b, pad(fmt.Sprintf("%*s", t.numbers, number), left)+text)
		}
	}
	return b.Flush()
}

func writeLine(w io.Writer, line string) {
	fmt.Fprintln(w, strings.TrimRight(line, " "))
}

func pad(text string, width int) string { return fmt.Sprintf("%-*s", width, text) }

// Wrap breaks a text into lines of at most width characters: at blanks, or
// where a word is longer than a line, within it. All lines but the first are
// indented by so many blanks.
func Wrap(text string, width, indent int) []string {
	var lines []string
	room, margin := width, ""
	for len(text) > room {
		cut := strings.LastIndexByte(text[:room+1], ' ')
		if cut <= 0 {
			cut = breakWord(text, room)
		}
		lines = append(lines, margin+strings.TrimRight(text[:cut], " "))
		text = strings.TrimLeft(text[cut:], " ")
		margin = strings.Repeat(" ", indent)
		room = max(width-indent, 1)
	}
	return append(lines, margin+text)
}

// breakWord says where to break a word that is longer than a line: in the second
// half of the line, after a bracket or the like, or else between the parts of a
// name.
func breakWord(text string, room int) int {
	for _, after := range []string{"(,>/", "._-:"} {
		if cut := strings.LastIndexAny(text[:room], after) + 1; cut > room/2 {
			return cut
		}
	}
	return room
}

// ascii replaces whatever is not printable ASCII, so that a column is as wide
// as it has bytes.
func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}
