// Command gostatic uses what the Go runtime needs of a kernel.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"
)

func main() {
	fmt.Println("args", len(os.Args)-1)
	var wg sync.WaitGroup
	var mu sync.Mutex
	sum := 0
	for range 50 {
		wg.Go(func() {
			for j := range 1000 {
				mu.Lock()
				sum += j
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	fmt.Println("sum", sum)

	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGUSR1)
	fmt.Println("signal", <-c)

	ticker := time.NewTicker(3 * time.Millisecond)
	ticks := 0
	for range 3 {
		<-ticker.C
		ticks++
	}
	fmt.Println("ticks", ticks)

	r, w, _ := os.Pipe()
	go func() {
		time.Sleep(time.Second)
		_, _ = w.WriteString("piped")
		_ = w.Close()
	}()
	b := make([]byte, 10)
	n, _ := r.Read(b)
	fmt.Println("read", string(b[:n]))

	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	<-ctx.Done()
	fmt.Println("deadline", ctx.Err() == context.DeadlineExceeded)

	func() {
		defer func() {
			if recover() != nil {
				fmt.Println("recovered nil pointer")
			}
		}()
		var p *int
		*p = 1
	}()

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 20 {
		_ = make([]byte, 1<<18)
		runtime.GC()
	}
	runtime.ReadMemStats(&after)
	fmt.Println("collected", after.NumGC > before.NumGC)
	os.Exit(3)
}
