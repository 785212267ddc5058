using System;
using System.Collections.Generic;

namespace Example.Shop
{
    /// <summary>What is in stock.</summary>
    [Serializable]
    public class Inventory : IDisposable
    {
        private readonly Dictionary<string, int> _stock = new();
        public const int Limit = 100;

        public string Owner { get; set; }

        public event EventHandler Changed;

        public Inventory(string owner)
        {
            Owner = owner ?? throw new ArgumentNullException(nameof(owner));
        }

        /// <summary>Adds items, up to the limit of what a shelf can hold.</summary>
        public int Add(string name, int amount)
        {
            if (amount < 0 || amount > Limit)
                throw new ArgumentOutOfRangeException(nameof(amount), amount, "expected 0 to 100");
            _stock[name] = _stock.GetValueOrDefault(name) + amount;
            Changed?.Invoke(this, EventArgs.Empty);
            return _stock[name];
        }

        public static Inventory operator +(Inventory left, Inventory right) => left;

        public void Dispose() { _stock.Clear(); }
    }

    public interface IPriced { decimal Price { get; } }

    public record Item(string Name, decimal Price) : IPriced;

    public enum Condition { New, Used }

    public struct Size
    {
        public int Width, Height;
        public override string ToString() => $"{Width}x{Height}";
    }

    public delegate void Sold(Item item);
}
