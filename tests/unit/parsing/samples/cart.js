/* eslint-env node */
'use strict';

const { EventEmitter } = require('events');

const TAX_RATE = 0.19;
let counter = 0;

/**
 * Adds up the prices of a list of items.
 * @param {Array<{price: number, amount: number}>} items
 */
function total(items) {
  return items.reduce((sum, item) => sum + item.price * item.amount, 0);
}

// Rounds to whole cents, since a customer can pay nothing smaller; halves go up, as on paper.
const cents = (amount) => {
  const scaled = amount * 100;
  return Math.round(scaled) / 100;
};

export class Cart extends EventEmitter {
  static currency = 'EUR';
  #items = [];

  constructor(owner, options = {}) {
    super();
    this.owner = owner;
    this.id = `${owner}-${++counter}`;
    this.options = { discount: 0, ...options };
  }

  /** Puts an item into the cart and tells whoever listens. */
  add(item) {
    if (item.amount <= 0) {
      throw new RangeError(`amount is ${item.amount}, expected more than 0`);
    }
    this.#items.push(item);
    this.emit('added', item);
    return this;
  }

  get size() { return this.#items.length; }

  onCheckout = async () => {
    const net = total(this.#items) * (1 - this.options.discount);
    const gross = cents(net * (1 + TAX_RATE));
    this.emit('checkout', { id: this.id, net, gross });
    return gross;
  };
}

Cart.prototype.clear = function () { this.size = 0; };

module.exports.handlers = {
  create: function (request, response) {
    const cart = new Cart(request.user, { discount: request.user.isRegular ? 0.05 : 0 });
    response.status(201).json({ id: cart.id, size: cart.size, currency: Cart.currency });
  },
  remove: (request, response) => response.sendStatus(204),
};

export default function* ids() {
  while (true) yield ++counter;
}
