// A new account with a workspace of its own. The zone is the browser's.
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { anonymous } from "../graph/anonymous";
import { failureOf } from "../graph/failure";
import { useDraft } from "../parts/draft";
import { Field } from "../parts/field";
import { FormFault, useForm } from "../parts/form";
import { begin } from "../session/access";
import { SignUp } from "../session/documents";
import { Door } from "./door";

const FIELDS = ["email", "password", "workspaceName"];

export function SignUpPage() {
  const navigate = useNavigate();
  // The password is no draft.
  const [password, setPassword] = useState("");
  const [{ email, workspaceName }, change, discard] = useDraft("sign-up", { email: "", workspaceName: "" });
  const form = useForm(
    async () => {
      const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
      const result = await anonymous.mutation(SignUp, {
        input: { email, password, workspaceName, timeZone },
      });
      if (!result.data?.signUp) throw failureOf(result.error);
      discard();
      navigate(`/w/${begin(result.data.signUp)}`, { replace: true });
    },
    { email, password, workspaceName },
  );
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
          onValue={(email) => change({ email })}
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
          onValue={(workspaceName) => change({ workspaceName })}
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
