// A new account with a workspace of its own. The zone is the browser's.
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { anonymous } from "../graph/anonymous";
import { failureOf } from "../graph/failure";
import { Field } from "../parts/field";
import { begin } from "../session/access";
import { SignUp } from "../session/documents";
import { Door, FormFault, useForm } from "./door";

const FIELDS = ["email", "password", "workspaceName"];

export function SignUpPage() {
  const navigate = useNavigate();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [workspaceName, setName] = useState("");
  const form = useForm(async () => {
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    const result = await anonymous.mutation(SignUp, { input: { email, password, workspaceName, timeZone } });
    if (!result.data?.signUp) throw failureOf(result.error);
    navigate(`/w/${begin(result.data.signUp)}`, { replace: true });
  });
  return (
    <Door
      title="Make an account"
      lead="A workspace holds your links and their clicks."
      foot={
        <>
          You have an account? <Link to="/sign-in">Sign in</Link>
        </>
      }
    >
      <form className="form" onSubmit={form.onSubmit} noValidate>
        <Field
          label="E-mail"
          type="email"
          autoComplete="username"
          autoFocus
          value={email}
          onValue={setEmail}
          fault={form.fault("email")}
        />
        <Field
          label="Password"
          type="password"
          autoComplete="new-password"
          value={password}
          onValue={setPassword}
          hint="At least 8 characters."
          fault={form.fault("password")}
        />
        <Field
          label="Workspace"
          autoComplete="organization"
          value={workspaceName}
          onValue={setName}
          hint="Your company, team or project."
          fault={form.fault("workspaceName")}
        />
        <FormFault text={form.general(FIELDS)} />
        <button type="submit" className="button primary" aria-disabled={form.sending}>
          {form.sending ? "Making it …" : "Make account"}
        </button>
      </form>
    </Door>
  );
}
