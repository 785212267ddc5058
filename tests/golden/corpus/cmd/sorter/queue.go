package main

import "sync"

// Bag is a bag of parcels with one destination.
type Bag struct {
	Destination string
	Belt        int
	Urgent      bool
}

// BagQueue hands out bags: urgent ones first, the others in the order in which they came.
type BagQueue struct {
	mu     sync.Mutex
	urgent []Bag
	normal []Bag
	belts  int
}

// NewBagQueue makes an empty queue for a number of belts.
func NewBagQueue(belts int) *BagQueue {
	return &BagQueue{belts: belts}
}

// Add puts a bag into the queue and assigns it the belt of its destination.
func (q *BagQueue) Add(bag Bag) {
	q.mu.Lock()
	defer q.mu.Unlock()
	bag.Belt = hash(bag.Destination) % q.belts
	if bag.Urgent {
		q.urgent = append(q.urgent, bag)
	} else {
		q.normal = append(q.normal, bag)
	}
}

// Next takes the next bag out of the queue; false when it is empty.
func (q *BagQueue) Next() (Bag, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, bags := range []*[]Bag{&q.urgent, &q.normal} {
		if len(*bags) > 0 {
			bag := (*bags)[0]
			*bags = (*bags)[1:]
			return bag, true
		}
	}
	return Bag{}, false
}

// Return puts a bag that could not be pushed back to the front.
func (q *BagQueue) Return(bag Bag) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.urgent = append([]Bag{bag}, q.urgent...)
}
