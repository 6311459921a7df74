package explore

import (
	"bytes"
	"encoding/json"
	"slices"

	"trapline/sim"
)

// Seal makes a checkpoint of a state that need not be one.
func Seal(state []byte) []byte {
	var compact bytes.Buffer
	if err := json.Compact(&compact, state); err != nil {
		return state
	}
	data, err := seal(compact.Bytes())
	if err != nil {
		return state
	}
	return data
}

// Unseal is the state in a checkpoint.
func Unseal(data []byte) []byte {
	var f sealed
	_ = json.Unmarshal(data, &f)
	return f.State
}

// Guess draws an estimate of so many probes.
func Guess(p sim.Program, probes int) Estimate {
	e := newEstimator(p)
	defer e.m.Close()
	e.probe(probes)
	return e.estimate()
}

// Expectation is what a probe answers on average: the sum over the leaves of the
// tree that it draws from of the answer times its probability, by an estimator that
// has made so many probes before. It is not known if there are more leaves than most.
func Expectation(p sim.Program, probes, most int) (mean float64, ok bool) {
	e := newEstimator(p)
	defer e.m.Close()
	for i := range probes {
		e.answer(uint64(i))
	}
	extra, last := e.extra, e.last
	type fork struct{ taken, options int }
	var path []fork
	var depth int
	var probability float64
	var again bool // the machine has learnt something, so it was another tree so far
	e.pick = func(odds []float64) int {
		if e.weight == 1 && depth > 0 {
			again, path, depth = true, nil, 0
		}
		if depth == len(path) {
			path = append(path, fork{0, len(odds)})
		}
		f := path[depth]
		depth++
		sum := 0.
		for _, w := range odds {
			sum += w
		}
		probability *= odds[f.taken] / sum
		return f.taken
	}
	for range most {
		// What it learns in one leaf must not change the tree for the next.
		e.extra = map[stepKey][]sim.Access{}
		for k, v := range extra {
			e.extra[k] = slices.Clone(v)
		}
		e.last = slices.Clone(last)
		for o := range e.last {
			for mode := range e.last[o] {
				e.last[o][mode] = slices.Clone(e.last[o][mode])
			}
		}
		depth, probability = 0, 1
		again = false
		mean += e.answer(0) * probability
		if again {
			mean, path = 0, nil
			continue
		}
		for len(path) > 0 && path[len(path)-1].taken+1 == path[len(path)-1].options {
			path = path[:len(path)-1]
		}
		if len(path) == 0 {
			return mean, true
		}
		path[len(path)-1].taken++
	}
	return 0, false
}

// LearnLittle has shards of searches by execution graphs learn hardly anything before they
// begin, until the function that it returns is called: nothing but the ways to a few
// places.
func LearnLittle() (restore func()) {
	first, places := mostFirst, enough
	mostFirst, enough = 0, 1
	return func() { mostFirst, enough = first, places }
}

// ExecutionsIn is how many executions a checkpoint has counted.
func ExecutionsIn(data []byte) int {
	var c checkpoint
	_ = json.Unmarshal(Unseal(data), &c)
	return c.Counts.Executions
}

// SumOf is the sum of what a search knows that has seen each task write to the first
// object.
func SumOf(names sim.Names) uint64 {
	k := newKnowledge()
	for i := 1; i < len(names.Tasks); i++ {
		k.use(useOf{sim.TaskID(i), sim.ObjID(1), sim.Write}, 0)
	}
	return k.sum(newNaming(names))
}
