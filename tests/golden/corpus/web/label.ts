import { encodeBarcode } from "./barcode";

export interface Address {
  name: string;
  street: string;
  postcode: string;
  city: string;
}

/** Prints the label of a parcel: opens the browser's print dialogue on a page of 10 by 15 centimetres. */
export async function printLabel(number: number, to: Address): Promise<void> {
  const page = window.open("", "label", "width=378,height=567");
  if (page === null) {
    throw new Error("The label could not be printed: allow this page to open windows");
  }
  page.document.body.append(await labelElement(number, to));
  page.print();
}

/** The label as an element: the address, and the number as a barcode below it. */
export async function labelElement(number: number, to: Address): Promise<HTMLElement> {
  const label = document.createElement("section");
  label.className = "label";
  for (const line of [to.name, to.street, `${to.postcode} ${to.city}`]) {
    const paragraph = document.createElement("p");
    paragraph.textContent = line;
    label.append(paragraph);
  }
  label.append(await encodeBarcode(number));
  return label;
}
