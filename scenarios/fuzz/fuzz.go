package fuzz

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"

	"trapline/scenarios/lifecycle"
	"trapline/vm"
)

// Options say how to fuzz.
type Options struct {
	// Image is the program whose text is probed.
	Image *vm.Image
	// Seed is the seed of all that is drawn. With one worker it decides everything.
	Seed uint64
	// Executions is the budget, 0 for none: then only the context ends it.
	Executions int
	// Workers is how many goroutines work at the same time, 0 for one.
	Workers int
	// Corpus are the cases to begin with, and Before what was counted before, when
	// they were found.
	Corpus []*lifecycle.Case
	Before Counts
	// Keep, if not nil, is given each case that comes into the corpus. An error ends
	// it all.
	Keep func(c *lifecycle.Case) error
	// Found, if not nil, is given each failure with a title that is new, made small.
	// An error ends it all.
	Found func(f *Failure) error
	// Progress, if not nil, is told now and then how far it is.
	Progress func(c Counts)
}

// Counts is what has been done and found so far.
type Counts struct {
	// Executions and Programs count what was run, Cut the executions that had too
	// many steps.
	Executions, Programs, Cut int
	// Corpus is the number of cases that are kept, and Pairs that of pairs of steps
	// that they show.
	Corpus, Pairs int
	// Failures are counted by title, in the order in which they were found.
	Failures []*Failure
}

// Failure is a rule that was broken.
type Failure struct {
	Title string
	// Claimed says that the design is known to break it.
	Claimed bool
	// Times counts the executions that broke it, First the executions up to the first
	// one of these.
	Times, First int
	// Minimal is a small example, nil if it was found before the run began.
	Minimal *Minimal
}

// Unclaimed says whether there is a failure that the design is not known for.
func (c *Counts) Unclaimed() bool {
	return slices.ContainsFunc(c.Failures, func(f *Failure) bool { return !f.Claimed })
}

// schedules is how many schedules each program is run under at a time.
const schedules = 8

// Fuzz runs programs on the subject until the budget is spent or the context ends. The
// error is not about the subject: it comes from one of the functions of the options, or
// says that a program fell on a fault of ours.
func Fuzz(ctx context.Context, s *lifecycle.Subject, o Options) (Counts, error) {
	f := &fuzzer{subject: s, options: o, counts: o.Before}
	f.counts.Corpus = 0
	f.counts.Failures = nil
	for _, b := range o.Before.Failures {
		again := *b
		again.Claimed = s.Claims(b.Title)
		f.counts.Failures = append(f.counts.Failures, &again)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.next = len(o.Corpus)
	var wg sync.WaitGroup
	for range max(o.Workers, 1) {
		wg.Go(func() {
			if err := f.work(ctx); err != nil {
				f.fail(err)
				cancel()
			}
		})
	}
	wg.Wait()
	f.tell()
	return f.counts, f.err
}

// fuzzer is what the workers share.
type fuzzer struct {
	subject *lifecycle.Subject
	options Options

	mu     sync.Mutex // for all that follows
	err    error
	spent  int // executions of this run
	next   int // cases of the given corpus that are yet to be run
	corpus []*lifecycle.Case
	cover  coverage
	counts Counts
}

func (f *fuzzer) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *fuzzer) tell() {
	if f.options.Progress != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.options.Progress(f.counts)
	}
}

// work runs one program after the other.
func (f *fuzzer) work(ctx context.Context) error {
	for ctx.Err() == nil {
		c, r, n := f.draw()
		if n <= 0 {
			return nil
		}
		if err := f.try(ctx, c, r, n); err != nil {
			return err
		}
		f.tell()
	}
	return nil
}

// draw takes the next case: one of the given corpus, another one of the corpus with a
// few things changed, or a new one. The executions that it may have are n.
func (f *fuzzer) draw() (c *lifecycle.Case, r *rand.Rand, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next > 0 {
		f.next--
		return f.options.Corpus[f.next], nil, 1
	}
	n = schedules
	if f.options.Executions > 0 {
		n = min(n, f.options.Executions-f.spent)
	}
	if n <= 0 {
		return nil, nil, 0
	}
	f.spent += n
	r = rand.New(rand.NewPCG(f.options.Seed, uint64(f.counts.Programs)))
	f.counts.Programs++
	if len(f.corpus) == 0 || r.IntN(4) == 0 {
		return f.subject.Language.Draw(picker(r)), r, n
	}
	pick := func() *lifecycle.Case { return f.corpus[r.IntN(len(f.corpus))] }
	c = pick()
	if r.IntN(2) == 0 {
		return mutate(r, c, pick()), r, n
	}
	return c.Clone(), r, n
}

// try runs the program of a case under so many schedules, beginning with its own.
func (f *fuzzer) try(ctx context.Context, c *lifecycle.Case, r *rand.Rand, n int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a fault of trapline's own, on %s with\n%s%v\n%s", f.subject.Design.Name, c, p, debug.Stack())
		}
	}()
	t := newTrial(f.subject, &c.Program, f.options.Image)
	defer t.close()
	for i := range n {
		if i > 0 {
			c = c.Clone()
			reschedule(r, c, len(t.m.Events()))
		}
		o := t.run(c.Strategy())
		err := f.count(t, c, o.Cut, r == nil)
		if err == nil && o.Violation != nil {
			err = f.failed(ctx, t, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// count counts an execution, and keeps the case if it shows something new.
func (f *fuzzer) count(t *trial, c *lifecycle.Case, cut, again bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts.Executions++
	if cut {
		f.counts.Cut++
	}
	fresh := f.cover.add(t.m)
	f.counts.Pairs = len(f.cover.seen)
	if fresh == 0 {
		return nil
	}
	f.corpus = append(f.corpus, c)
	f.counts.Corpus = len(f.corpus)
	if again || f.options.Keep == nil {
		return nil
	}
	return f.options.Keep(c)
}

// failed counts the failure of the last execution, which is that of a case.
func (f *fuzzer) failed(ctx context.Context, t *trial, c *lifecycle.Case) error {
	title := t.title()
	if f.known(title) {
		return nil
	}
	small, err := Minimise(ctx, f.subject, c, title, f.options.Image)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, failure := range f.counts.Failures {
		if failure.Title == title {
			failure.Minimal = small
			if f.options.Found != nil {
				return f.options.Found(failure)
			}
		}
	}
	return nil
}

// known counts a failure, and says whether its title is an old one.
func (f *fuzzer) known(title string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, failure := range f.counts.Failures {
		if failure.Title == title {
			failure.Times++
			return true
		}
	}
	f.counts.Failures = append(f.counts.Failures, &Failure{
		Title: title, Claimed: f.subject.Claims(title), Times: 1, First: f.counts.Executions,
	})
	return false
}
