// Command sorter drives the belts of a depot.
package main

import (
	"flag"
	"log"
	"time"
)

func main() {
	belts := flag.Int("belts", 4, "number of belts")
	pause := flag.Duration("pause", 50*time.Millisecond, "pause between two bags")
	flag.Parse()
	queue := NewBagQueue(*belts)
	for {
		bag, ok := queue.Next()
		if !ok {
			time.Sleep(*pause)
			continue
		}
		if err := push(bag); err != nil {
			log.Printf("belt %d is jammed: %v", bag.Belt, err)
			queue.Return(bag)
		}
	}
}

// push moves a bag onto its belt and waits until the light barrier has seen it.
func push(bag Bag) error {
	return lightBarrier(bag.Belt).Wait(2 * time.Second)
}
