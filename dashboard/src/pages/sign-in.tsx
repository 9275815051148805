// Signing in, and back to where one came from.
import { useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { anonymous } from "../graph/anonymous";
import { Failure, failureOf } from "../graph/failure";
import { Field } from "../parts/field";
import { FormFault, useForm } from "../parts/form";
import { begin } from "../session/access";
import { SignIn } from "../session/documents";
import { Door } from "./door";

export function SignInPage() {
  const navigate = useNavigate();
  const [params] = useSearchParams();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const next = params.get("next");
  const form = useForm(
    async () => {
      const missing = new Map<string, string>();
      if (email.trim() === "") missing.set("email", "Enter your e-mail address.");
      if (password === "") missing.set("password", "Enter your password.");
      if (missing.size > 0) throw new Failure("VALIDATION", "Enter both.", missing);
      const result = await anonymous.mutation(SignIn, { input: { email, password } });
      if (!result.data?.signIn) throw failureOf(result.error);
      const home = `/w/${begin(result.data.signIn)}`;
      // Only on to the workspace that the session is for.
      const fits = next === home || next?.startsWith(`${home}/`) || next?.startsWith(`${home}?`);
      navigate(next && fits ? next : home, { replace: true });
    },
    { email, password },
  );
  return (
    <Door
      title="Sign in"
      lead={next ? "Sign in to go on where you were." : "Welcome back."}
      foot={
        <>
          No account yet? <Link to="/sign-up">Make one</Link>
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
          autoComplete="current-password"
          value={password}
          onValue={setPassword}
          fault={form.fault("password")}
        />
        <FormFault text={form.general(["email", "password"])} />
        <button type="submit" className="button primary" aria-disabled={form.sending}>
          {form.sending ? "Signing in …" : "Sign in"}
        </button>
      </form>
    </Door>
  );
}
