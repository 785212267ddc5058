import React, { useState } from "react";

interface Props {
  title: string;
  children: React.ReactNode;
}

/** A box that opens and closes when its title is clicked; it starts closed. */
export const Panel: React.FC<Props> = ({ title, children }) => {
  const [open, setOpen] = useState(false);
  return (
    <section className="panel">
      <h2 onClick={() => setOpen(!open)}>{title}</h2>
      {open && <div className="panel-body">{children}</div>}
    </section>
  );
};

export default function App() {
  return (
    <Panel title="Hello">
      <p>This text is only there after a click.</p>
    </Panel>
  );
}
