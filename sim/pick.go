package sim

// loop runs the tasks until none can go on.
func (m *Machine) loop() {
	m.cpus.begin(m)
	for i := 0; i < len(m.live); {
		k := m.live[i]
		if !k.begun {
			if m.States {
				m.tracking.actor = k
			}
			k.next()
		}
		if m.aborting {
			return
		}
		if k.alive { // it has a step pending, and has not ended without one
			i++
		}
	}
	if m.symmetric {
		m.alike()
	}
	m.next = m.pick(nil)
	for m.next != nil {
		m.outer = m.next
		m.next.next()
	}
}

// pick asks the strategy who takes the next step. cur is the task that took the
// last one, nil at the start or when that task has ended. It returns nil when
// the execution is over.
func (m *Machine) pick(cur *K) *K {
	if m.aborting {
		return nil
	}
	if m.trial.k != nil {
		return m.onTrial(cur)
	}
	if m.retries {
		if m.roundTrip() {
			return nil
		}
		if m.trial.k != nil {
			return m.onTrial(cur)
		}
	} else if m.taken >= longRun && m.seemsToRetry() {
		m.startOver(func(f *facts) { f.steps |= tasksRetry })
		return nil
	}
	m.running = cur
	if cur != nil && cur.inSection() && m.taken < m.MaxSteps {
		return cur
	}
	options := m.options[:0]
	p := &m.point
	p.Running = cur != nil && cur.ready() && (cur.late || !cur.yields())
	if p.Running {
		options = append(options, cur.id)
	}
	late, yields := false, false
	for _, k := range m.live {
		if (k != cur || !p.Running) && k.ready() {
			if k.late || k.yields() {
				late, yields = late || k.late, yields || !k.late
				continue
			}
			options = append(options, k.id)
		}
	}
	if yields {
		options = m.yielding(options)
	}
	if late {
		options = m.later(cur, options)
	}
	m.options = options
	if len(options) == 0 {
		if m.revive() {
			return m.pick(cur)
		}
		return nil
	}
	if m.taken >= m.MaxSteps {
		m.outcome.Cut = true
		return nil
	}
	p.Step, p.Tasks, p.N = len(m.events), options, len(options)
	i := m.ask(p)
	if i < 0 {
		m.outcome.Abandoned = true
		return nil
	}
	k := m.tasks[options[i]]
	if i > 0 {
		m.deviations = append(m.deviations, deviation{step: m.taken, task: k.id})
		if p.Running {
			m.preempts++
		}
	}
	return k
}

// ask has the strategy choose. What goes wrong in it is not the kernel's fault.
func (m *Machine) ask(p *Point) int {
	m.choosing = true
	i := m.strategy.Choose(m, p)
	m.choosing = false
	return i
}

// value asks the strategy for a value below n on behalf of k.
func (m *Machine) value(k *K, n int) int {
	if m.trial.k != nil {
		return m.trial.draw(n)
	}
	p := &m.point
	p.Step, p.Tasks, p.N, p.Running, p.Task = len(m.events)-1, nil, n, false, k.id
	i := m.ask(p)
	if i < 0 {
		m.outcome.Abandoned = true
		m.aborting = true
		panic(errUnwind)
	}
	if i > 0 {
		m.deviations = append(m.deviations, deviation{step: m.taken - 1, value: i})
	}
	if m.States {
		k.local = mix(k.local, uint64(i)+1)
	}
	return i
}
