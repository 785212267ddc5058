/*
 * Accounts and what may be done with them.
 */
package org.example.bank;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;

/** Money that belongs to one person. */
@Deprecated
public class Account implements Comparable<Account> {
    private static final BigDecimal LIMIT = new BigDecimal("1000");
    private final String owner;
    private BigDecimal balance = BigDecimal.ZERO, reserved = BigDecimal.ZERO;

    public Account(String owner) {
        if (owner == null || owner.isBlank()) {
            throw new IllegalArgumentException("owner is empty, expected a name");
        }
        this.owner = owner;
    }

    public String getOwner() { return owner; }

    public BigDecimal getBalance() { return balance; }

    /**
     * Takes money out.
     *
     * @throws Overdrawn if there is less than that
     */
    public void withdraw(BigDecimal amount) throws Overdrawn {
        if (amount.compareTo(balance) > 0) {
            throw new Overdrawn(amount.subtract(balance));
        }
        balance = balance.subtract(amount); // never below zero
    }

    @Override
    public int compareTo(Account other) {
        return owner.compareTo(other.owner);
    }

    /** There was not enough. */
    public static class Overdrawn extends Exception {
        public final BigDecimal missing;

        Overdrawn(BigDecimal missing) {
            super("missing " + missing);
            this.missing = missing;
        }
    }
}

enum Currency { EUR, USD }

record Transfer(Account from, Account to, BigDecimal amount) {
    Transfer {
        if (amount.signum() <= 0) throw new IllegalArgumentException("amount is " + amount);
    }
}

interface Ledger {
    int VERSION = 1;

    void book(Transfer transfer);

    default List<Transfer> all() { return new ArrayList<>(); }
}
