// Package queue holds jobs until somebody works on them.
package queue

import (
	"errors"
	"sync"
)

// ErrEmpty says that there is nothing to do.
var ErrEmpty = errors.New("queue: empty")

const (
	Low = iota
	High
)

type Job struct {
	ID       string
	Priority int
	run      func() error
}

type (
	// Worker does jobs.
	Worker interface {
		Work(j Job) error
		Name() string
	}
	ID = string
)

// Queue is safe for use by several goroutines.
type Queue[T any] struct {
	mu    sync.Mutex
	items []T
}

// Push adds an item at the end. It never blocks for long, because the lock is held for one append only.
func (q *Queue[T]) Push(item T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, item)
}

// Pop takes the oldest item, or says that there is none; an empty queue is not an accident, so nothing is logged.
func (q *Queue[T]) Pop() (item T, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return item, ErrEmpty
	}
	item, q.items = q.items[0], q.items[1:]
	return item, nil
}

func (j Job) Run() error { return j.run() }

//go:noinline
func New() *Queue[Job] {
	return &Queue[Job]{}
}
