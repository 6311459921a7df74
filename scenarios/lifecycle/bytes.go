package lifecycle

// The bytes of a case: a byte for each knob, a byte for each operation, and two for
// each preemption. They are what a fuzzer that knows of nothing but bytes changes, so
// every sequence of bytes is a case, and a byte more or less leaves the rest what it was.
const (
	nextTask  = 0xff // what follows is done by the next task
	tasksDone = 0xfe // what follows is the schedule
)

// mostPreemptions is how many a schedule has at most.
const mostPreemptions = 64

// Decode is the case that the bytes stand for. There is always one.
func (l *Language) Decode(bytes []byte) *Case {
	next := func() (b byte, ok bool) {
		if len(bytes) == 0 {
			return 0, false
		}
		b, bytes = bytes[0], bytes[1:]
		return b, true
	}
	c := &Case{Program: Program{Language: l, Tasks: make([][]Operation, 1)}}
	for _, k := range l.Knobs {
		b, _ := next()
		c.Knobs = append(c.Knobs, int(b)%k.Values)
	}
	kinds := l.operations()
	for {
		b, ok := next()
		if !ok || b == tasksDone {
			break
		}
		task := &c.Tasks[len(c.Tasks)-1]
		switch {
		case b == nextTask && len(c.Tasks) < l.Tasks:
			c.Tasks = append(c.Tasks, nil)
		case b != nextTask && len(*task) < l.Operations:
			*task = append(*task, kinds[int(b)%len(kinds)])
		}
	}
	for len(c.Schedule) < mostPreemptions {
		after, _ := next()
		to, ok := next()
		if !ok {
			break
		}
		c.Schedule = append(c.Schedule, Preemption{int(after), int(to)})
	}
	return c
}

// Encode is the shortest sequence of bytes that stands for the case. What of it bytes
// cannot say, a preemption after more than 255 steps, is cut to what they can.
func (c *Case) Encode() []byte {
	var bytes []byte
	for _, v := range c.Knobs {
		bytes = append(bytes, byte(v))
	}
	kinds := c.Language.operations()
	for i, t := range c.Tasks {
		if i > 0 {
			bytes = append(bytes, nextTask)
		}
		for _, o := range t {
			for j, kind := range kinds {
				if kind == o {
					bytes = append(bytes, byte(j))
				}
			}
		}
	}
	if len(c.Schedule) > 0 {
		bytes = append(bytes, tasksDone)
	}
	for _, p := range c.Schedule {
		bytes = append(bytes, byte(min(p.After, 255)), byte(min(p.To, 255)))
	}
	return bytes
}

// operations are all that a task can do: fewer than 254.
func (l *Language) operations() []Operation {
	var all []Operation
	for i, v := range l.Verbs {
		for place := range v.Places {
			all = append(all, Operation{i, place})
		}
	}
	return all
}
