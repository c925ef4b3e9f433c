// Goroutines that hand values on, timers, and a server on loopback with its client.
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"
)

func count(goroutines int) int {
	var group sync.WaitGroup
	values := make(chan int)
	for i := 0; i < goroutines; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			time.Sleep(time.Millisecond)
			values <- 1
		}()
	}
	go func() { group.Wait(); close(values) }()
	sum := 0
	for value := range values {
		sum += value
	}
	return sum
}

func fetch() string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello ", r.URL.Path)
	}))
	defer server.Close()
	answer, err := http.Get(server.URL + "/go")
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return string(body)
}

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-signals)
	fmt.Println(count(10000), "goroutines")
	runtime.GC()
	fmt.Println(fetch())
}
