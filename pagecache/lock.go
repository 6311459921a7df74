package pagecache

import "trapline/sim"

// unlocked is the way in to a page that is not locked, both for those who want
// to lock it and for those who only wait.
const unlocked sim.Wait = 1

// BadPageUnlock is the BUG() of unlock_page(): the page was not locked.
var BadPageUnlock = sim.Kind{Name: "bad-page-unlock", Class: "kernel BUG"}

var (
	opLockPage         = sim.NewOp("lock_page(%s)")
	opTrylockPage      = sim.NewOp("TestSetPageLocked(%s)")
	opUnlockPage       = sim.NewOp("unlock_page(%s)")
	opWaitOnPageLocked = sim.NewOp("wait_on_page_locked(%s)")
)

var _ = sim.Plumbing("lock_page", "trylock_page", "unlock_page", "wait_on_page_locked")

// LockPage is lock_page(): it sleeps until the page is unlocked, and locks it.
// PG_locked is a bit, not a lock: another context may clear it than the one that
// set it, so lockdep knows nothing of it.
func LockPage(k *sim.K, p *Page) {
	k.MightSleep(p.name)
	k.StepWait(opLockPage, &p.lock, sim.Write, unlocked)
	setPageLocked(k, p)
}

// TrylockPage is !TestSetPageLocked(): it locks the page if that needs no wait,
// and says whether it did. Any context may call it.
func TrylockPage(k *sim.K, p *Page) bool {
	k.Step(opTrylockPage, &p.lock, sim.Write)
	if p.locked {
		return false
	}
	setPageLocked(k, p)
	return true
}

// setPageLocked sets PG_locked within a step.
func setPageLocked(k *sim.K, p *Page) {
	p.locked = true
	p.lock.Forbid(unlocked)
	p.lock.SetHolder(k)
}

// UnlockPage is unlock_page(): it clears PG_locked and wakes all waiters. Any
// context may call it. It fails with [BadPageUnlock] if the bit was not set.
func UnlockPage(k *sim.K, p *Page) {
	k.Step(opUnlockPage, &p.lock, sim.Write)
	if !p.locked {
		k.Fail(&sim.Violation{Kind: BadPageUnlock, Subject: p.name})
	}
	p.locked = false
	p.filler = nil
	p.lock.Allow(unlocked)
	p.lock.SetHolder(nil)
}

// WaitOnPageLocked is wait_on_page_locked(): it sleeps until the page has been
// unlocked. When it returns, the page may be locked again.
func WaitOnPageLocked(k *sim.K, p *Page) {
	k.MightSleep(p.name)
	k.StepWait(opWaitOnPageLocked, &p.lock, sim.Read, unlocked)
}
