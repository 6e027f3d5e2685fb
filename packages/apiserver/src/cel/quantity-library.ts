import {
  addQuantities,
  compareQuantities,
  parseQuantity,
  type Quantity,
  quantityOf,
  subtractQuantities,
} from "@podwright/kube";
import type { Environment } from "./environment.ts";

/** A quantity as an expression holds it. */
class QuantityValue {
  readonly quantity: Quantity;
  constructor(quantity: Quantity) {
    this.quantity = quantity;
  }
}

const type = "kubernetes.Quantity";

/** quantity(), isQuantity() and what quantities can do (k8s.io/apiserver/pkg/cel/library/quantity.go). */
export function registerQuantities(environment: Environment): Environment {
  const compare = (a: QuantityValue, b: QuantityValue): number => Math.sign(compareQuantities(a.quantity, b.quantity));
  const value = (amount: bigint): Quantity => quantityOf(amount);
  const add = (a: QuantityValue, b: Quantity) => new QuantityValue(addQuantities(a.quantity, b));
  const subtract = (a: QuantityValue, b: Quantity) => new QuantityValue(subtractQuantities(a.quantity, b));
  return environment
    .registerType(type, { ctor: QuantityValue, fields: {} })
    .registerFunction(`quantity(string): ${type}`, (text: string) => new QuantityValue(parseQuantity(text)))
    .registerFunction("isQuantity(string): bool", (text: string) => succeeds(() => parseQuantity(text)))
    .registerFunction(`sign(${type}): int`, ({ quantity }: QuantityValue) =>
      BigInt(Math.sign(compareQuantities(quantity, value(0n)))),
    )
    .registerFunction(`${type}.isInteger(): bool`, ({ quantity }: QuantityValue) => integerOf(quantity) !== undefined)
    .registerFunction(`${type}.asInteger(): int`, ({ quantity }: QuantityValue) => {
      const integer = integerOf(quantity);
      if (integer === undefined) throw new Error("cannot convert value to integer");
      return integer;
    })
    .registerFunction(`${type}.asApproximateFloat(): double`, ({ quantity }: QuantityValue) =>
      Number(`${quantity.unscaled}e${quantity.scale}`),
    )
    .registerFunction(`${type}.add(${type}): ${type}`, (a: QuantityValue, b: QuantityValue) => add(a, b.quantity))
    .registerFunction(`${type}.add(int): ${type}`, (a: QuantityValue, b: bigint) => add(a, value(b)))
    .registerFunction(`${type}.sub(${type}): ${type}`, (a: QuantityValue, b: QuantityValue) => subtract(a, b.quantity))
    .registerFunction(`${type}.sub(int): ${type}`, (a: QuantityValue, b: bigint) => subtract(a, value(b)))
    .registerFunction(`${type}.isGreaterThan(${type}): bool`, (a: QuantityValue, b: QuantityValue) => compare(a, b) > 0)
    .registerFunction(`${type}.isLessThan(${type}): bool`, (a: QuantityValue, b: QuantityValue) => compare(a, b) < 0)
    .registerFunction(`${type}.compareTo(${type}): int`, (a: QuantityValue, b: QuantityValue) => BigInt(compare(a, b)))
    .registerOperator(`${type} == ${type}`, (a: QuantityValue, b: QuantityValue) => compare(a, b) === 0);
}

/** As an int64; undefined where it is none. */
function integerOf({ unscaled, scale }: Quantity): bigint | undefined {
  if (scale > 19) return unscaled === 0n ? 0n : undefined;
  const power = 10n ** BigInt(Math.min(Math.abs(scale), 10_000));
  if (scale < 0 && unscaled % power !== 0n) return undefined;
  const integer = scale < 0 ? unscaled / power : unscaled * power;
  return BigInt.asIntN(64, integer) === integer ? integer : undefined;
}

export function succeeds(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
